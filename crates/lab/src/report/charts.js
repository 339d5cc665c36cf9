// Draws the charts of a report with uPlot, in the colours of the reader's scheme.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("charts-data").textContent);
  const logScale = document.getElementById("log-scale");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // A source has the same colour in both arms.
  const successes = data.arms.flatMap((arm) => arm.series.answers).filter((kind) => kind.kind === "ok");
  const sources = [...new Set(successes.map((kind) => kind.label))].sort();
  let printing = false;
  let plots = [];

  // Both palettes keep their order of lightness for readers who do not see the hues.
  const palettes = {
    light: {
      ink: "#3d4552", grid: "#e6e9ef", fault: "rgba(179,38,30,.09)", edge: "#b3261e", limit: "#16191f", plate: "rgba(255,255,255,.82)",
      lines: ["#1a5fb4", "#0a8a7b", "#c25a00", "#8b93a1"],
      ok: ["#4c8bd6", "#3aa583", "#9a7fd1", "#7f9a3f", "#5bb4c4"], info: "#d9a021", fail: "#c8372d",
    },
    dark: {
      ink: "#aeb7c4", grid: "#272e37", fault: "rgba(255,138,128,.13)", edge: "#ff8a80", limit: "#ffffff", plate: "rgba(24,28,34,.82)",
      lines: ["#78b0f5", "#4fd1bd", "#ffab5e", "#77808d"],
      ok: ["#3f78bd", "#2f8f70", "#8268bd", "#6f8a34", "#4a9aaa"], info: "#e0b040", fail: "#ef6358",
    },
  };
  const palette = () => palettes[dark.matches && !printing ? "dark" : "light"];

  // Failures are hatched, so that they stand out without colour as well.
  function hatch(color, angle) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = color;
    pen.globalAlpha = 0.45;
    pen.fillRect(0, 0, 8, 8);
    pen.globalAlpha = 1;
    pen.strokeStyle = color;
    pen.lineWidth = 2;
    pen.beginPath();
    for (const shift of [-8, 0, 8]) {
      pen.moveTo(shift, angle > 0 ? 8 : 0);
      pen.lineTo(shift + 8, angle > 0 ? 0 : 8);
    }
    pen.stroke();
    return pen.createPattern(tile, "repeat");
  }

  function overlays(arm, chart, colors) {
    const ratio = devicePixelRatio;
    function clipped(plot, draw) {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      draw(ctx, bbox);
      ctx.restore();
    }
    function faults(plot) {
      clipped(plot, (ctx, box) => {
        for (const band of arm.bands) {
          const from = plot.valToPos(band.from_s, "x", true);
          const to = Math.max(from + ratio, plot.valToPos(band.to_s, "x", true));
          ctx.fillStyle = colors.fault;
          ctx.fillRect(from, box.top, to - from, box.height);
        }
      });
    }
    // Above the data, where a filled area would hide them.
    function edges(plot) {
      clipped(plot, (ctx, box) => {
        ctx.strokeStyle = colors.edge;
        ctx.lineWidth = ratio;
        ctx.setLineDash([2 * ratio, 3 * ratio]);
        for (const band of arm.bands) {
          for (const at of [band.from_s, band.to_s]) {
            const left = plot.valToPos(at, "x", true);
            ctx.beginPath();
            ctx.moveTo(left, box.top);
            ctx.lineTo(left, box.top + box.height);
            ctx.stroke();
          }
        }
      });
    }
    // A plate behind the words keeps them readable where lines cross.
    function words(ctx, text, left, middle, color) {
      const width = ctx.measureText(text).width;
      ctx.fillStyle = colors.plate;
      ctx.fillRect(left - 3 * ratio, middle - 7 * ratio, width + 6 * ratio, 14 * ratio);
      ctx.fillStyle = color;
      ctx.fillText(text, left, middle);
    }
    function labels(plot) {
      clipped(plot, (ctx, box) => {
        ctx.font = `${11 * ratio}px system-ui, sans-serif`;
        ctx.textAlign = "left";
        ctx.textBaseline = "middle";
        if (chart === "latency") {
          arm.bands.forEach((band, row) => {
            const at = plot.valToPos(band.from_s, "x", true) + 6 * ratio;
            const width = ctx.measureText(band.label).width;
            const left = Math.min(at, box.left + box.width - width - 4 * ratio);
            words(ctx, band.label, left, box.top + (9 + row * 16) * ratio, colors.edge);
          });
        }
        ctx.setLineDash([7 * ratio, 4 * ratio]);
        ctx.lineWidth = 1.5 * ratio;
        for (const limit of arm.limits.filter((line) => line.chart === chart)) {
          const height = plot.valToPos(limit.value, "y", true);
          const from = plot.valToPos(limit.from_s, "x", true);
          const to = plot.valToPos(limit.to_s, "x", true);
          ctx.strokeStyle = colors.limit;
          ctx.beginPath();
          ctx.moveTo(from, height);
          ctx.lineTo(to, height);
          ctx.stroke();
          const above = height - 18 * ratio > box.top;
          const width = ctx.measureText(limit.label).width;
          const right = box.left + box.width - width - 4 * ratio;
          const left = Math.min(from + 6 * ratio, right);
          words(ctx, limit.label, left, height + (above ? -10 : 10) * ratio, colors.limit);
        }
      });
    }
    return { hooks: { drawAxes: [faults], draw: [edges, labels] } };
  }

  function axes(colors, values) {
    const common = {
      stroke: colors.ink,
      grid: { stroke: colors.grid, width: 1 },
      ticks: { stroke: colors.grid, width: 1 },
      font: "11px system-ui, sans-serif",
    };
    return [
      { ...common, values: (_, ticks) => ticks.map((tick) => `${tick} s`) },
      { ...common, size: 52, ...values },
    ];
  }

  const figure = (unit) => (_, value) => (value == null ? "–" : `${+value.toPrecision(4)}${unit}`);
  const time = { label: "at", value: (_, at) => (at == null ? "–" : `${at.toFixed(2)} s`) };

  function latency(arm, colors) {
    const { series } = arm;
    const names = ["p50", "p95", "p99", "max"];
    const dashes = [[], [8, 3], [3, 3], [1, 3]];
    const low = 10 ** Math.floor(Math.log10(data.latency_min_ms));
    const high = Math.max(...arm.limits.filter((l) => l.chart === "latency").map((l) => l.value * 1.3),
      data.latency_max_ms * 1.3);
    const log = logScale.checked;
    const ticks = { values: (_, ticks) => ticks.map((tick) => (tick == null ? "" : `${+tick.toPrecision(3)}`)) };
    if (log) {
      // Only powers of ten are drawn; every step would be noise.
      const tens = (_, splits) => splits.map((v) => (Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-6 ? v : null));
      ticks.filter = tens;
      ticks.grid = { stroke: colors.grid, width: 1, filter: tens };
      ticks.ticks = { stroke: colors.grid, width: 1, filter: tens };
    }
    return {
      data: [series.time_s, ...names.map((name) => series[name])],
      height: 230,
      scale: { distr: log ? 3 : 1, range: () => [log ? low : 0, high] },
      axes: axes(colors, ticks),
      series: [time, ...names.map((name, index) => ({
        label: name, stroke: colors.lines[index], width: index < 3 ? 1.75 : 1, dash: dashes[index],
        value: figure(" ms"), points: { show: false },
      }))],
    };
  }

  function success(arm, colors) {
    return {
      data: [arm.series.time_s, arm.series.success],
      height: 120,
      scale: { range: () => [0, 104] },
      axes: axes(colors, { splits: () => [0, 50, 100], values: (_, ticks) => ticks.map((t) => `${t} %`) }),
      series: [time, {
        label: "success", stroke: colors.lines[0], width: 1.75, value: figure(" %"),
        fill: `${colors.lines[0]}1f`, points: { show: false },
      }],
    };
  }

  function answers(arm, colors) {
    const kinds = arm.series.answers;
    // Stacked from below; the highest is drawn first, so that the lower ones paint over it.
    const sums = [];
    kinds.forEach((kind, index) => {
      sums.push(kind.per_s.map((value, at) => value + (index ? sums[index - 1][at] : 0)));
    });
    let fails = 0;
    const drawn = kinds.map((kind, index) => {
      let stroke = colors.info;
      let fill = null;
      if (kind.kind === "ok") {
        stroke = colors.ok[sources.indexOf(kind.label) % colors.ok.length];
        fill = stroke;
      } else {
        stroke = kind.kind === "fail" ? colors.fail : colors.info;
        fill = hatch(stroke, fails++ % 2 ? -1 : 1);
      }
      const own = (_, __, ___, at) => (at == null ? "–" : `${+kind.per_s[at].toPrecision(4)}/s`);
      return {
        values: sums[index],
        // Where there is none of it, there is no line either.
        series: { label: kind.label, stroke, fill: () => fill, width: 1, value: own, points: { show: false } },
      };
    });
    drawn.reverse();
    return {
      data: [arm.series.time_s, ...drawn.map((each) => each.values)],
      height: 170,
      scale: { range: () => [0, data.per_s_max * 1.08] },
      axes: axes(colors, { values: (_, ticks) => ticks.map(String) }),
      series: [time, ...drawn.map((each) => each.series)],
    };
  }

  const charts = { latency, success, answers };

  function draw() {
    plots.forEach(({ plot }) => plot.destroy());
    plots = [];
    const colors = palette();
    for (const arm of data.arms) {
      const place = document.querySelector(`.arm[data-arm="${arm.name}"]`);
      for (const [name, make] of Object.entries(charts)) {
        const target = place.querySelector(`[data-chart="${name}"]`);
        const made = make(arm, colors);
        const options = {
          width: target.clientWidth,
          height: made.height,
          cursor: { sync: { key: "run" }, drag: { x: true, y: false } },
          scales: { x: { time: false, range: (_, from, to) => (from == null ? [data.from_s, data.to_s] : [from, to]) }, y: made.scale },
          axes: made.axes,
          series: made.series,
          plugins: [overlays(arm, name, colors)],
        };
        plots.push({ plot: new uPlot(options, made.data, target), target, height: made.height });
      }
    }
    document.documentElement.dataset.charts = String(plots.length);
  }

  function fit() {
    for (const { plot, target, height } of plots) {
      if (target.clientWidth > 0 && target.clientWidth !== plot.width) {
        plot.setSize({ width: target.clientWidth, height });
      }
    }
  }

  draw();
  logScale.addEventListener("change", draw);
  dark.addEventListener("change", draw);
  addEventListener("resize", fit);
  for (const [event, state] of [["beforeprint", true], ["afterprint", false]]) {
    addEventListener(event, () => { printing = state; draw(); });
  }
})();
