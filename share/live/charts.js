// One chart: a figure with a heading, its numbers in words, what uPlot draws, and a table.

import { clock, element } from "./dom.js";

const HEIGHT = 150;
const GAP_MS = 15_000; // a longer pause is a gap, not a line
const NARROW_PX = 420;
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]]; // lines differ without their colours too

// ---- what the style sheet says -------------------------------------------------------

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function axis(more = {}) {
  return {
    stroke: colour("--quiet"), font: "12px system-ui, sans-serif",
    grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 },
    ...more,
  };
}

function hour(milliseconds) {
  return new Date(milliseconds).toLocaleTimeString([], { hourCycle: "h23" });
}

function powersOfTen(_, ticks) {
  return ticks.map((n) => (n >= 1 && Number.isInteger(Math.log10(n)) ? n : null));
}

// ---- the figure ----------------------------------------------------------------------

function legend(series) {
  return series.map(({ name }, i) => element("li", {},
    element("i", { className: `swatch s${i}`, ariaHidden: "true" }),
    `${name}: `, element("b", {}, "no value yet")));
}

function table(title, first, series) {
  const head = element("tr", {}, ...[first, ...series.map(({ name }) => name)].map((text) =>
    element("th", { scope: "col" }, text)));
  return element("table", {}, element("caption", { className: "sr" }, title),
    element("thead", {}, head), element("tbody"));
}

// { id, title, about, series: [{ name }], first: heading of the first column }
function figure({ id, title, about, series, first }) {
  const values = legend(series);
  const plot = element("div", { className: "plot", ariaHidden: "true" });
  const numbers = table(title, first, series);
  const heading = element("h3", { id: `chart-${id}-title` }, title);
  const scroller = element("div", { className: "numbers", tabIndex: 0, role: "region" }, numbers);
  scroller.setAttribute("aria-label", `Table: ${title}`);
  const details = element("details", {},
    element("summary", {}, "Table", element("span", { className: "sr" }, ` of ${title}`)),
    scroller);
  const made = element("figure", { id: `chart-${id}` }, heading,
    element("p", { className: "about" }, about),
    element("ul", { className: "legend" }, ...values), plot, details);
  made.setAttribute("aria-labelledby", heading.id);
  return {
    made, plot, details, body: numbers.tBodies[0], values: values.map((li) => li.lastChild),
  };
}

function row(first, texts) {
  return element("tr", {}, element("th", { scope: "row" }, first),
    ...texts.map((text) => element("td", {}, text)));
}

function barPaths() {
  return uPlot.paths.bars({ size: [0.8, 60] });
}

// ---- a chart -------------------------------------------------------------------------

class Chart {
  #plot;

  constructor(spec, parent) {
    this.spec = spec;
    this.parts = figure(spec);
    parent.append(this.parts.made);
    this.parts.details.addEventListener("toggle", () => this.fillTable());
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.parts.plot);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  #size() {
    return { width: Math.max(this.parts.plot.clientWidth, 100), height: HEIGHT };
  }

  get isNarrow() {
    return this.parts.plot.clientWidth < NARROW_PX;
  }

  // The colours of a canvas are not those of the style sheet until it is drawn anew.
  redraw() {
    this.#plot?.destroy();
    this.#plot = undefined;
    this.draw();
  }

  draw() {
    const data = this.data();
    if (this.#plot) this.#plot.setData(data);
    else if (data[0].length > 0) {
      this.#plot = new uPlot({
        ...this.#size(), legend: { show: false }, cursor: { show: false }, padding: [8, 28, 0, 0],
        ...this.options(),
      }, data, this.parts.plot);
    }
  }

  say(texts) {
    this.parts.values.forEach((b, i) => { b.textContent = texts[i]; });
  }
}

// Values over time. spec.series: [{ name, of: (point) => number or null }], spec.format(number)
export class Lines extends Chart {
  #points = [];

  constructor(spec, parent) {
    super({ first: "Time", ...spec }, parent);
  }

  update(points) {
    this.#points = points;
    const latest = points.at(-1);
    this.say(this.spec.series.map(({ of }) => this.#text(latest && of(latest))));
    this.draw();
    this.fillTable();
  }

  #text(value) {
    return value === null || value === undefined ? "none" : this.spec.format(value);
  }

  data() {
    const columns = [[], ...this.spec.series.map(() => [])];
    let before;
    for (const point of this.#points) {
      if (point.time - before > GAP_MS) {
        columns.forEach((column, i) => column.push(i ? null : (point.time - 1) / 1000));
      }
      before = point.time;
      columns[0].push(point.time / 1000);
      this.spec.series.forEach(({ of }, i) => columns[i + 1].push(of(point)));
    }
    return columns;
  }

  options() {
    return {
      scales: { y: { range: (_, low, high) => [0, high > 0 ? 1.1 * high : 1] } },
      axes: [axis({
        space: 80, size: 28, values: (_, ticks) => ticks.map((tick) => hour(1000 * tick)),
      }), axis({
        size: 62, space: 35,
        values: (_, ticks) => ticks.map((tick) => this.spec.format(tick)),
      })],
      series: [{}, ...this.spec.series.map((_, i) => ({
        stroke: colour(`--s${i}`), width: 2, dash: DASHES[i], points: { show: false },
      }))],
    };
  }

  // Rows that are there stay, so that a reader keeps the place.
  fillTable() {
    if (!this.parts.details.open) return;
    const { body } = this.parts;
    const shown = Number(body.rows[0]?.dataset.time ?? 0);
    for (const point of this.#points.filter(({ time }) => time > shown)) {
      const made = row(clock(point.time), this.spec.series.map(({ of }) => this.#text(of(point))));
      made.dataset.time = point.time;
      this.spec.series.forEach(({ of }, i) => { made.cells[i + 1].dataset.value = of(point); });
      body.prepend(made);
    }
    while (body.rows.length > this.#points.length) body.lastChild.remove();
  }
}

// Counts in bins: update([{ low, high, count }]).
export class Bars extends Chart {
  #bins = [];

  constructor(spec, parent) {
    super({ series: [{ name: "Scores" }], first: "Fraud probability", ...spec }, parent);
  }

  update(bins) {
    this.#bins = bins;
    const sum = bins.reduce((all, { count }) => all + count, 0);
    this.say([`${sum.toLocaleString()} in all`]);
    this.draw();
    this.fillTable();
  }

  // A logarithmic scale has no 0.
  data() {
    return [this.#bins.map((_, i) => i), this.#bins.map(({ count }) => count || null)];
  }

  options() {
    return {
      scales: {
        x: { time: false, range: (_, low, high) => [low - 0.6, high + 0.6] },
        y: { distr: 3, range: (_, low, high) => [0.5, Math.max(10, 2 * (high ?? 1))] },
      },
      axes: [axis({
        size: 28, grid: { show: false }, ticks: { show: false },
        splits: () => this.#bins.map((_, i) => i),
        values: (_, ticks) => ticks.map((i) => (i % (this.isNarrow ? 4 : 2) === 0
          && this.#bins[i] ? String(this.#bins[i].low) : "")),
      }), axis({
        size: 62, space: 20, filter: powersOfTen, ticks: { show: false },
        grid: { stroke: colour("--line"), width: 1, filter: powersOfTen },
        values: (_, ticks) => ticks.map((n) => n?.toLocaleString() ?? ""),
      })],
      series: [{}, {
        fill: colour("--s0"), stroke: colour("--s0"), width: 0, paths: barPaths(),
        points: { show: false },
      }],
    };
  }

  fillTable() {
    if (!this.parts.details.open) return;
    this.parts.body.replaceChildren(...this.#bins.map(({ low, high, count }) =>
      row(high === Infinity ? `above ${low}` : `${low} to ${high}`, [count.toLocaleString()])));
  }
}
