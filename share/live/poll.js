// Asks again and again: not while the page is hidden, and less often while it is refused.

const BACKOFF_MAX_MS = 30_000;

// A refusal that names a time to ask again has `retryAfter`, in seconds.
export class Refusal extends Error {
  constructor(message, retryAfter) {
    super(message);
    this.retryAfter = Number(retryAfter) || 0;
  }
}

function visible() {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = () => {
      if (document.hidden) return;
      document.removeEventListener("visibilitychange", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
  });
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

// Milliseconds until the next question, after so many failures in a row.
export function delayAfter(failures, every, retryAfter = 0) {
  const backoff = Math.min(every * 2 ** failures, Math.max(every, BACKOFF_MAX_MS));
  return Math.max(backoff, Math.min(1000 * retryAfter, BACKOFF_MAX_MS));
}

// ask() throws when it fails; failed(error) says so to the reader. Never ends.
export async function poll({ every, ask, failed }) {
  let failures = 0;
  for (;;) {
    await visible();
    let delay = every;
    try {
      await ask();
      failures = 0;
    } catch (error) {
      failures++;
      delay = delayAfter(failures, every, error.retryAfter);
      failed(error);
    }
    await pause(delay);
  }
}
