// Elements, and requests that answer with JSON.

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

export async function getJson(path, { headers = {}, ...options } = {}) {
  const response = await fetch(path, {
    cache: "no-store",
    headers: withKey({ Accept: "application/json", ...headers }),
    ...options,
  });
  let body;
  try {
    body = await response.json();
  } catch {
    body = { detail: `${response.status} without JSON` };
  }
  return { status: response.status, body };
}
