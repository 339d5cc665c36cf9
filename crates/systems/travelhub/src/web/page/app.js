// The storefront: one page, no library. What an answer is worth is always said: in `X-Answer`, and
// in the member `answer` of a body, stands whether it is fresh, old, or less than was asked for.

const main = document.getElementById("main");
const FIRST_DAY = "2027-01-01", LAST_DAY = "2028-02-16";

/** An element; `attributes` that are functions are listeners. Text is never taken for markup. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

const announce = (text) => { document.getElementById("announcement").textContent = text; };
const money = ({ cents, currency }) =>
  new Intl.NumberFormat("en", { style: "currency", currency }).format(cents / 100);
const several = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;
const nightsText = (nights) => several(nights, "night");
const time = (text) => new Date(text).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
const ago = (ms) => ms < 90_000 ? several(Math.max(1, Math.round(ms / 1000)), "second") : several(Math.round(ms / 60_000), "minute");
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A key by which all tries of one request are known to be the same. */
function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const memory = {
  get: (name) => { try { return localStorage.getItem(name) ?? ""; } catch { return ""; } },
  set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* A private window. */ } },
};
const waiting = {
  all: () => { try { return JSON.parse(memory.get("waiting") || "[]"); } catch { return []; } },
  add: (entry) => memory.set("waiting", JSON.stringify([...waiting.all().filter((one) => one.key !== entry.key), entry].slice(-20))),
  remove: (key) => memory.set("waiting", JSON.stringify(waiting.all().filter((one) => one.key !== key))),
};

/** Asks the gateway. A network failure is an answer as well, with the status 0. */
async function ask(path, options = {}) {
  const { body, key, ...rest } = options;
  const headers = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (key) headers["idempotency-key"] = key;
  let response;
  try {
    response = await fetch(path, { ...rest, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    return { status: 0, body: {}, grade: "none" };
  }
  const text = await response.text();
  let parsed = {};
  try { parsed = JSON.parse(text); } catch { /* What is no JSON says nothing here. */ }
  const said = response.headers.get("x-answer") ?? "fresh";
  return {
    status: response.status, body: parsed ?? {}, location: response.headers.get("location"),
    retryAfter: Number(response.headers.get("retry-after")) || 1, grade: said.split(";")[0].trim(), said,
  };
}

/** What has to be said about how good an answer is; nothing when it is fresh. */
function quality(answer, what, is = "is") {
  const { kind = answer.grade, age_ms, why } = answer.body.answer ?? {};
  const age = age_ms ?? Number(/age=(\d+)/.exec(answer.said ?? "")?.[1] ?? NaN);
  const because = why ? ` (${why})` : "";
  if (kind === "stale") {
    const old = Number.isFinite(age) ? `from ${ago(age)} ago` : "from earlier";
    return note(`Not up to date: ${what} ${is} ${old}${because}. Rooms and prices are checked again when you reserve.`);
  }
  if (kind === "partial") return note(`Not complete: a part of what belongs here could not be had${because}.`);
  if (kind === "degraded") return note(`Limited at present: ${what} cannot be had right now${because}. Please try again in a moment.`);
  return null;
}

function note(text, tone = "", ...more) {
  return h("div", { class: `note ${tone}`.trim(), role: tone === "bad" ? "alert" : "note" }, h("p", {}, text), ...more);
}

function problem(answer, what) {
  if (answer.status === 0) return note(`${what}: no answer from TravelHub. Check your connection and try again.`, "bad");
  const detail = answer.body.detail ?? answer.body.title ?? `status ${answer.status}`;
  return note(`${what}: ${detail}`, "bad");
}

/** Shows a view, tells its title, and puts the focus there after a click on a link. */
function show(title, ...content) {
  document.title = `${title} – TravelHub`;
  main.replaceChildren(h("h1", {}, title), ...content.flat(Infinity).filter(Boolean));
}

const field = (label, control, hint) => h("label", {}, label, control, hint && h("span", { class: "hint" }, hint));
const number = (name, value, min, max, more = {}) =>
  h("input", { name, type: "number", inputmode: "numeric", value, min, max, required: true, ...more });

// As the catalogue names them; what a city is called in an answer counts.
const WORDS = [
  ["Port", "Bad", "New", "San", "Lower", "Upper", "Old", "East", "West", "Saint"],
  ["Alder", "Birch", "Cedar", "Dover", "Elm", "Fern", "Grove", "Haven", "Iris", "Juniper"],
  ["ford", "ton", "ham", "by", "burg"],
];
const cityName = (id) => `${WORDS[0][id % 10]} ${WORDS[1][Math.floor(id / 10) % 10]}${WORDS[2][Math.floor(id / 100) % 5]}`;

const STAY = { city: "1", check_in: "2027-03-01", nights: "2", guests: "2", max_price: "", sort: "best" };
const stayOf = (query) => Object.fromEntries(Object.entries(STAY).map(([name, value]) => [name, query.get(name) ?? value]));

function searchForm(stay) {
  const cities = Array.from({ length: 100 }, (_, index) => index + 1).sort((a, b) => cityName(a).localeCompare(cityName(b)));
  const option = (value, text, chosen) => h("option", { value, selected: String(value) === chosen }, text);
  const form = h("form", { class: "sheet", "aria-label": "Search", submit: (event) => {
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.set(name, value);
    const hash = `#/?${query}`;
    if (location.hash === hash) route(); else location.hash = hash;
  } },
    field("City", h("select", { name: "city" }, cities.map((id) => option(id, cityName(id), stay.city)))),
    field("Check-in", h("input", { name: "check_in", type: "date", value: stay.check_in, min: FIRST_DAY, max: LAST_DAY, required: true })),
    field("Nights", number("nights", stay.nights, 1, 14)),
    field("Guests", number("guests", stay.guests, 1, 16)),
    field("At most, in euros", number("max_price", stay.max_price, 1, 100000, { required: false })),
    field("Sorted by", h("select", { name: "sort" }, [["best", "Best"], ["price", "Price"], ["rating", "Rating"]].map(([value, text]) => option(value, text, stay.sort)))),
    h("button", { type: "submit" }, "Search"));
  return form;
}

const features = (offer) => offer.amenities?.length ? offer.amenities.join(", ") : "no extras";
const rating = (offer) => `${"★".repeat(offer.stars)} · ${Number(offer.rating).toFixed(1)} of 10, ${offer.reviews} reviews`;

async function searchView(query, isCurrent) {
  const stay = stayOf(query), results = h("section", { "aria-label": "Results", "aria-busy": "false" });
  show("Find a place to stay", searchForm(stay), results);
  if (!query.has("city")) return;
  results.setAttribute("aria-busy", "true");
  results.replaceChildren(h("p", { class: "hint" }, "Searching…"));
  const asked = new URLSearchParams(stay);
  if (stay.max_price) asked.set("max_price", String(Math.round(Number(stay.max_price) * 100))); else asked.delete("max_price");
  let answer = await ask(`/api/offers?${asked}`);
  for (let turn = 0; answer.status === 429 && turn < 5 && isCurrent(); turn += 1) {
    results.replaceChildren(note(`Many people are searching; your search is tried again in ${answer.retryAfter} s.`));
    await wait(answer.retryAfter * 1000);
    answer = await ask(`/api/offers?${asked}`);
  }
  if (!isCurrent()) return;
  results.setAttribute("aria-busy", "false");
  if (answer.status !== 200) return results.replaceChildren(problem(answer, "The search did not succeed"));
  const offers = answer.body.offers ?? [], remark = quality(answer, "this list of offers");
  const stayQuery = new URLSearchParams({ check_in: stay.check_in, nights: stay.nights, guests: stay.guests });
  const isKnown = offers.length || !remark;
  const summary = isKnown ? `${several(answer.body.total ?? offers.length, "place")} in ${answer.body.city_name ?? cityName(Number(stay.city))}, ${nightsText(Number(stay.nights))}` : "";
  announce(remark ? remark.textContent : summary);
  results.replaceChildren(...[remark, summary && h("p", {}, summary),
    h("ul", { class: "list" }, offers.map((offer) => h("li", { class: "sheet offer" },
      h("div", {}, h("h2", {}, offer.name), h("p", {}, rating(offer)),
        h("p", { class: "hint" }, `up to ${offer.guests} guests · ${features(offer)}`)),
      h("div", { class: "end" }, h("p", { class: "price" }, money(offer.price)), h("p", { class: "hint" }, `for ${nightsText(Number(stay.nights))}, with tax`),
        h("a", { class: "button", href: `#/offer/${offer.id}?${stayQuery}`, "aria-label": `Choose ${offer.name}` }, "Choose")))))].filter(Boolean));
}

async function offerView(id, query, isCurrent) {
  const stay = stayOf(query);
  show("One moment…");
  const [answer, rooms] = await Promise.all([ask(`/api/offers/${id}`),
    ask(`/api/availability/${id}?${new URLSearchParams({ check_in: stay.check_in, nights: stay.nights })}`)]);
  if (!isCurrent()) return;
  const offer = answer.body;
  if (answer.status !== 200) return show("This place cannot be shown", problem(answer, "It could not be read"));
  const facts = h("dl", {},
    [["City", offer.city_name], ["Rating", offer.stars && rating(offer)], ["Guests", offer.guests && `up to ${offer.guests}`],
      ["Offers", offer.name && features(offer)], ["Per night", offer.nightly && `from ${money(offer.nightly)} before tax`],
      ["Rooms free", typeof rooms.body.free === "number" ? String(rooms.body.free) : null],
      ["Stay", `${stay.check_in}, ${nightsText(Number(stay.nights))}, ${several(Number(stay.guests), "guest")}`]]
      .filter(([, text]) => text).map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
  show(offer.name ?? "A place to stay", quality(answer, "this description"), h("div", { class: "sheet" }, facts, reserveForm(id, stay)));
}

function reserveForm(offer_id, stay) {
  let key = newKey();
  const said = h("div", { "aria-live": "assertive" }), button = h("button", { type: "submit" }, "Reserve");
  const form = h("form", { "aria-label": "Reserve", submit: async (event) => {
    event.preventDefault();
    const customer = new FormData(form).get("customer").trim();
    memory.set("customer", customer);
    button.disabled = true;
    said.replaceChildren(note("Reserving…"));
    const body = { offer_id, check_in: stay.check_in, nights: Number(stay.nights), guests: Number(stay.guests), customer };
    const answer = await ask("/api/reservations", { method: "POST", body, key });
    button.disabled = false;
    if (answer.status === 201) return go(`#/reservation/${answer.body.reservation_id}`);
    if (answer.status === 202) return follow(answer, "Your reservation");
    // An answer that is final: another try is another request.
    if (answer.status >= 400) key = newKey();
    if (answer.status === 409) return said.replaceChildren(note("Sold out: the last room was taken a moment ago. Please choose another place or day.", "bad"));
    said.replaceChildren(problem(answer, "It is not reserved"));
  } },
    field("Your name", h("input", { name: "customer", autocomplete: "name", maxlength: 64, required: true, value: memory.get("customer") }), "Letters, digits, spaces, - _ . @"),
    button);
  return [form, said];
}

/** A 202: it was written down and is done later, under a key at which one can ask. */
function follow(answer, what, back = "") {
  const key = decodeURIComponent((answer.location ?? "").split("/").pop());
  if (!(answer.location ?? "").includes("/pending/")) return go(back || "#/mine");
  waiting.add({ key, what, back });
  go(`#/pending/${encodeURIComponent(key)}`);
}

async function pendingView(key, isCurrent) {
  const entry = waiting.all().find((one) => one.key === key) ?? { what: "Your request", back: "" };
  show(`${entry.what} is noted for later`, note(`${entry.what} has not been made yet: the service that does it is away. It is written down and will be done as soon as the service is back, once. You may close this page; it stays under “My reservations”.`),
    h("p", { class: "hint", id: "state" }, "Waiting…"));
  announce(`${entry.what} is written down and will be done later.`);
  for (let turn = 0; isCurrent(); turn += 1) {
    const answer = await ask(`/api/pending/${encodeURIComponent(key)}`);
    if (!isCurrent()) return;
    const state = document.getElementById("state");
    if (answer.status === 200 && answer.body.state === "done") {
      waiting.remove(key);
      const { status, body } = answer.body;
      const id = body?.reservation_id ?? /reservations\/([^/]+)\//.exec(answer.body.path ?? "")?.[1];
      if (status < 400 && id) return go(`#/reservation/${id}`);
      const why = status === 409 ? "Sold out: the last room was taken before your turn came." : body?.detail ?? `it ended with status ${status}`;
      return show(`${entry.what} was not made`, note(why, "bad"), h("a", { class: "button", href: entry.back || "#/" }, entry.back ? "Back to the reservation" : "Search again"));
    }
    if (answer.status === 404) { waiting.remove(key); return show("Nothing waits here", h("p", {}, "It is not known any more. Look under “My reservations”.")); }
    if (state) state.textContent = answer.status === 200 ? `Still waiting; asked ${several(turn + 1, "time")}.` : "No answer at present; it is asked again.";
    await wait(Math.min(1000 + turn * 250, 5000));
  }
}

const STATES = {
  held: ["Held for you", ""], paying: ["Payment under way", ""], confirmed: ["Confirmed and paid", "good"],
  cancelled: ["Cancelled", ""], expired: ["Expired: it was not paid in time", "bad"],
};

async function reservationView(id, isCurrent) {
  show("One moment…");
  let shown = "";
  for (let turn = 0; isCurrent(); turn += 1) {
    const answer = await ask(`/api/reservations/${id}`);
    if (!isCurrent()) return;
    const reservation = answer.body;
    if (answer.status !== 200) return show("This reservation cannot be shown", problem(answer, "It could not be read"));
    // What somebody is filling in is not taken away under the hands without need.
    const mark = [reservation.status, reservation.refund, answer.grade].join();
    if (mark === shown) {
      // Nothing new.
    } else if (!reservation.status) {
      show("Your reservation", quality(answer, "your reservation"), h("p", {}, "What you have reserved or paid is safe."));
    } else {
      reservationPage(reservation, quality(answer, "what you see"));
      announce(STATES[reservation.status]?.[0] ?? reservation.status);
    }
    shown = mark;
    const isSettled = reservation.status && reservation.status !== "paying" && reservation.refund !== "pending";
    if (isSettled && answer.grade === "fresh") return;
    await wait(Math.min(1000 + turn * 250, 5000));
  }
}

function reservationPage(reservation, remark) {
  const [text, tone] = STATES[reservation.status] ?? [reservation.status, ""];
  const more = reservation.status === "paying" ? " The payment is pending: it will be made as soon as it can, once, and this page shows it." : "";
  const refund = reservation.refund ? [["Refund", reservation.refund === "done" ? "made" : "on its way"]] : [];
  const held = reservation.status === "held" ? [["Held until", time(reservation.held_until)]] : [];
  const facts = [["Check-in", reservation.check_in], ["Stay", `${nightsText(reservation.nights)}, ${several(reservation.guests, "guest")}`],
    ["For", reservation.customer], ["Price", money(reservation.price)], ...held, ...refund, ["Number", reservation.reservation_id]];
  const id = reservation.reservation_id;
  show(reservation.offer_name, remark, note(`${text}.${more}`, tone),
    h("div", { class: "sheet" }, h("dl", {}, facts.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
      reservation.status === "held" && payForm(id),
      ["held", "paying", "confirmed"].includes(reservation.status) && cancelButton(id)));
}

function payForm(id) {
  let key = newKey();
  const said = h("div", { "aria-live": "assertive" }), button = h("button", { type: "submit" }, "Pay");
  const form = h("form", { "aria-label": "Pay", submit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    said.replaceChildren(note("Paying…"));
    const body = { card_token: new FormData(form).get("card").trim() };
    const answer = await ask(`/api/reservations/${id}/payment`, { method: "POST", body, key });
    button.disabled = false;
    if (answer.status === 200) return refresh(id);
    if (answer.status === 202) return (answer.location ?? "").includes("/pending/") ? follow(answer, "Your payment", `#/reservation/${id}`) : refresh(id);
    if (answer.status >= 400) key = newKey();
    if (answer.status === 402) return said.replaceChildren(note("The card was refused. Please try another one; the room is still held for you.", "bad"));
    said.replaceChildren(problem(answer, "It is not paid"));
  } },
    field("Card", h("input", { name: "card", required: true, maxlength: 128, pattern: "[!-~]+", autocomplete: "off", value: "card-4242" }), "A demonstration: any word is a card; one that begins with “declined” is refused"), button);
  return [form, said];
}

function cancelButton(id) {
  const said = h("div", { "aria-live": "assertive" }), place = h("div", { class: "row" });
  const ask_first = () => place.replaceChildren(h("button", { type: "button", class: "plain", click: sure }, "Cancel the reservation"));
  const sure = () => {
    const yes = h("button", { type: "button", click: cancel }, "Yes, cancel it");
    place.replaceChildren(yes, h("button", { type: "button", class: "plain", click: ask_first }, "Keep it"));
    yes.focus();
  };
  const key = newKey();
  const cancel = async () => {
    said.replaceChildren(note("Cancelling…"));
    const answer = await ask(`/api/reservations/${id}/cancel`, { method: "POST", body: {}, key });
    if (answer.status === 200) return refresh(id);
    if (answer.status === 202) return (answer.location ?? "").includes("/pending/") ? follow(answer, "Your cancellation", `#/reservation/${id}`) : refresh(id);
    said.replaceChildren(problem(answer, "It is not cancelled"));
    ask_first();
  };
  ask_first();
  return [place, said];
}

async function mineView(isCurrent) {
  const customer = memory.get("customer");
  const form = h("form", { class: "sheet", "aria-label": "Whose reservations", submit: (event) => {
    event.preventDefault();
    memory.set("customer", new FormData(form).get("customer").trim());
    route();
  } }, field("Your name", h("input", { name: "customer", autocomplete: "name", maxlength: 64, required: true, value: customer })), h("button", { type: "submit" }, "Show"));
  const list = h("section", { "aria-label": "Reservations" });
  const open = waiting.all();
  show("My reservations", form, open.length > 0 && note("Still to be done:", "", h("ul", {}, open.map((one) => h("li", {}, h("a", { href: `#/pending/${encodeURIComponent(one.key)}` }, one.what))))), list);
  if (!customer) return;
  const answer = await ask(`/api/reservations?${new URLSearchParams({ customer })}`);
  if (!isCurrent()) return;
  if (answer.status !== 200) return list.replaceChildren(problem(answer, "They could not be read"));
  const reservations = answer.body.reservations ?? [], remark = quality(answer, "this list");
  announce(several(reservations.length, "reservation"));
  list.replaceChildren(...[remark, reservations.length === 0 && !remark && h("p", {}, "There are none under this name."),
    h("ul", { class: "list" }, [...reservations].reverse().map((one) => h("li", { class: "sheet offer" },
      h("div", {}, h("h2", {}, one.offer_name), h("p", {}, `${one.check_in}, ${nightsText(one.nights)}`), h("p", { class: "hint" }, STATES[one.status]?.[0] ?? one.status)),
      h("div", { class: "end" }, h("p", { class: "price" }, money(one.price)), h("a", { class: "button", href: `#/reservation/${one.reservation_id}`, "aria-label": `Open ${one.offer_name}` }, "Open")))))].filter(Boolean));
}

let turn = 0;
const go = (hash) => { if (location.hash === hash) route(); else location.hash = hash; };
const refresh = (id) => go(`#/reservation/${id}`);

async function route() {
  const mine = ++turn, isCurrent = () => mine === turn;
  const [path, query = ""] = (location.hash.slice(1) || "/").split("?");
  const [, place = "", id = ""] = path.split("/");
  for (const link of document.querySelectorAll("header nav a")) {
    const isHere = link.getAttribute("href") === (place === "mine" ? "#/mine" : "#/");
    if (isHere && (place === "" || place === "mine")) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  const views = {
    offer: () => offerView(id, new URLSearchParams(query), isCurrent),
    reservation: () => reservationView(id, isCurrent),
    pending: () => pendingView(decodeURIComponent(id), isCurrent),
    mine: () => mineView(isCurrent),
  };
  await (views[place] ?? (() => searchView(new URLSearchParams(query), isCurrent)))();
}

addEventListener("hashchange", () => { if (location.hash === "#main") return; route(); main.focus(); scrollTo(0, 0); });
route();
