// The live page: what the service does, and a form that scores a transaction.

import { $ } from "./dom.js";
import { score } from "./answer.js";
import { watchHealth } from "./health.js";
import { History } from "./history.js";
import { View } from "./view.js";
import { watchMetrics } from "./watch.js";

$("transaction").addEventListener("submit", score);
watchHealth();

const history = new History();
const view = new View();
watchMetrics(history, () => view.show(history));
