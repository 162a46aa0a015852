// Prometheus' text format 0.0.4, read a line at a time.
//
// parse(text, wanted) gives the samples whose names are wanted, in their order:
//   { name, labels, key, value }
// key is name and labels as they stand: the identity of a series of one server. value is a
// Number, or a BigInt where the text is an integer that a Number would round.

export class SyntaxFault extends Error {}

// ---- values --------------------------------------------------------------------------

const INTEGER = /^[+-]?\d+$/;
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const NAMED = new Map([
  ["+Inf", Infinity], ["Inf", Infinity], ["-Inf", -Infinity], ["NaN", NaN],
]);

export function parseValue(text) {
  const named = NAMED.get(text);
  if (named !== undefined) return named;
  if (!DECIMAL.test(text)) throw new SyntaxFault(`'${text}' is no number`);
  const value = Number(text);
  return INTEGER.test(text) && !Number.isSafeInteger(value) ? BigInt(text) : value;
}

// later - earlier as a Number, exact before it is rounded once.
export function difference(later, earlier) {
  if (typeof later === "number" && typeof earlier === "number") return later - earlier;
  const integers = [later, earlier].every((value) =>
    typeof value === "bigint" || Number.isInteger(value));
  return integers ? Number(BigInt(later) - BigInt(earlier)) : Number(later) - Number(earlier);
}

// ---- labels --------------------------------------------------------------------------

const NAME = /[a-zA-Z_][a-zA-Z0-9_]*/y;
const PLAIN = /[^"\\]*/y;
const ESCAPES = { "\\": "\\", '"': '"', n: "\n" };

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

// The value of a label whose first character is at `at`, and where its closing quote is.
function quoted(line, at) {
  let value = "";
  for (;;) {
    const plain = match(PLAIN, line, at);
    value += plain;
    at += plain.length;
    if (at >= line.length) throw new SyntaxFault("a label has no closing quote");
    if (line[at] === '"') return { value, at };
    // A backslash before anything else stands for itself, as Prometheus has it.
    const escaped = line[at + 1];
    value += ESCAPES[escaped] ?? `\\${escaped ?? ""}`;
    at += 2;
  }
}

function skipSpace(line, at) {
  while (line[at] === " " || line[at] === "\t") at++;
  return at;
}

// The labels whose brace opens before `at`, and where the rest of the line begins.
function parseLabels(line, at) {
  const labels = {};
  for (;;) {
    at = skipSpace(line, at);
    if (line[at] === "}") return { labels, at: at + 1 };
    const name = match(NAME, line, at);
    if (name === undefined) throw new SyntaxFault("a label has no name");
    at = skipSpace(line, at + name.length);
    if (line[at] !== "=") throw new SyntaxFault(`label ${name} has no value`);
    at = skipSpace(line, at + 1);
    if (line[at] !== '"') throw new SyntaxFault(`the value of ${name} has no quote`);
    const { value, at: end } = quoted(line, at + 1);
    labels[name] = value;
    at = skipSpace(line, end + 1);
    if (line[at] === ",") at++;
    else if (line[at] !== "}") throw new SyntaxFault("labels need a comma between them");
  }
}

// ---- lines ---------------------------------------------------------------------------

const METRIC = /[a-zA-Z_:][a-zA-Z0-9_:]*/y;

function parseLine(line, start, name) {
  let at = skipSpace(line, start + name.length);
  let labels = {};
  if (line[at] === "{") ({ labels, at } = parseLabels(line, at + 1));
  const key = line.slice(start, at).trimEnd();
  const [value, time, ...more] = line.slice(at).trim().split(/[ \t]+/);
  if (more.length > 0 || (time !== undefined && !INTEGER.test(time))) {
    throw new SyntaxFault("more than a value and a time");
  }
  return { name, labels, key, value: parseValue(value) };
}

// wanted: a Set of names; without it all samples are given. A megabyte takes some ten
// milliseconds: lines of other metrics are passed over by their names.
export function parse(text, wanted) {
  const samples = [];
  let number = 0;
  for (let from = 0; from < text.length;) {
    let end = text.indexOf("\n", from);
    if (end < 0) end = text.length;
    number++;
    const start = skipSpace(text, from);
    if (start < end && text[start] !== "#") {
      try {
        const name = match(METRIC, text, start);
        if (name === undefined) throw new SyntaxFault("no name of a metric");
        if (!wanted || wanted.has(name)) {
          samples.push(parseLine(text.slice(start, end).replace(/\r$/, ""), 0, name));
        }
      } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error;
        throw new SyntaxFault(`line ${number} of the metrics: ${error.message}`);
      }
    }
    from = end + 1;
  }
  return samples;
}
