// Elements, and requests that answer with JSON.

export const ANSWER_MAX_MS = 10_000; // a server that takes longer does not answer

export const $ = (id) => document.getElementById(id);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// As <time>, so that programs and tests read the exact moment.
export function clock(milliseconds) {
  const date = new Date(milliseconds);
  return element("time", { dateTime: date.toISOString() }, date.toLocaleTimeString());
}

// The key of a service that wants one. It is kept in this page alone.
export const access = { key: "" };

export function withKey(headers) {
  return access.key ? { ...headers, "X-API-Key": access.key } : headers;
}

// Whether a request failed because there was no answer within its time.
export function isLate(error) {
  return error.name === "TimeoutError";
}

export function whyNoAnswer(error) {
  return isLate(error) ? "The server does not answer." : "The server cannot be reached.";
}

export async function getJson(path, { headers = {}, ...options } = {}) {
  const response = await fetch(path, {
    cache: "no-store",
    headers: withKey({ Accept: "application/json", ...headers }),
    signal: AbortSignal.timeout(ANSWER_MAX_MS),
    ...options,
  });
  let body;
  try {
    body = await response.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error; // the rest of it does not come
    body = { detail: `${response.status} without JSON` };
  }
  return { status: response.status, body };
}
