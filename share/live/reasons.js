// Reasons of a prediction, as bars to both sides of a line in the middle.

import { $, element } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

export function signed(contribution) {
  const text = String(Number(contribution.toPrecision(4)));
  return contribution > 0 ? `+${text}` : text.replace("-", "−");
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// A name as TERMINAL_ID_RISK may go on in the next line after each underscore.
function breakable(name) {
  return name.split(/(?<=_)/).flatMap((word) => [word, element("wbr")]);
}

// In a box from -100 to 100.
function bar(contribution, largest) {
  const length = largest > 0 ? (100 * Math.abs(contribution)) / largest : 0;
  const rect = svg("rect", {
    x: contribution < 0 ? -length : 0, y: 0, width: length, height: 10,
    class: contribution < 0 ? "down" : "up",
  });
  const middle = svg("rect", { x: -0.5, y: 0, width: 1, height: 10, class: "middle" });
  return svg("svg", {
    viewBox: "-100 0 200 10", preserveAspectRatio: "none", "aria-hidden": "true", class: "reason",
  }, rect, middle);
}

// reasons: of the API; none where the model cannot be explained.
export function showReasons(reasons, why = "") {
  const largest = Math.max(...reasons.map(({ contribution }) => Math.abs(contribution)), 0);
  $("reasons").tBodies[0].replaceChildren(...reasons.map(({ feature, value, contribution }) =>
    element("tr", {},
      element("th", { scope: "row" }, ...breakable(feature)),
      element("td", {}, value === null ? "missing" : String(value)),
      element("td", { className: "bars" },
        element("data", { value: String(contribution) }, signed(contribution)),
        bar(contribution, largest)))));
  $("why").hidden = reasons.length === 0;
  $("no-reasons").textContent = why;
  $("no-reasons").hidden = why === "";
}
