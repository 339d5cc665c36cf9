// What somebody does with the page who sees it, and what axe says for those who do not.
globalThis.visitor = {
  reads: (text) => document.body.innerText.includes(text),
  isAt: (title) => document.querySelector("h1")?.textContent === title,
  fill(name, value) {
    const control = document.querySelector(`main [name=${name}]`);
    control.value = value;
    if (control.value !== value) throw new Error(`${name} does not take ${value}`);
  },
  // In one turn, so that the page changes nothing between the focus and the press.
  press(place, text) {
    const all = [...document.querySelectorAll(`${place} button, ${place} a`)];
    const found = all.find((one) => one.textContent.trim() === text && one.offsetParent);
    if (!found) throw new Error(`nothing in ${place} is called ${text}`);
    found.focus();
    if (document.activeElement !== found) throw new Error(`no key comes to ${text}`);
    found.click();
  },
  looks: (width, scheme) => innerWidth === width && matchMedia(`(prefers-color-scheme: ${scheme})`).matches,
  isCutOff: () => document.documentElement.scrollWidth > innerWidth,
  async violations() {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
  },
  loaded() {
    const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    return {
      bytes: all.reduce((sum, one) => sum + one.transferSize, 0),
      foreign: all.map((one) => one.name).filter((name) => new URL(name).origin !== location.origin),
    };
  },
};
