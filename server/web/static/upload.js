// Files on their way to the service, with how much has arrived; and how to go on when it says that there are too many at once.
import { Problem } from "./api.js";
import { text } from "./dom.js";

// The service takes three uploads at a time, and looks each address up; more would only be told to wait.
const AT_ONCE = 3;
const FALLBACK_WAIT_S = 5;
let free = AT_ONCE;
const waiting = [];

/** Runs `work` when there is room, again as often as the service says that it is too early. `told(seconds)` hears of each wait. */
export async function inTurn(work, told = () => {}) {
  if (free > 0) free -= 1;
  else await new Promise((resolve) => waiting.push(resolve));
  try {
    for (;;) {
      try {
        return await work();
      } catch (problem) {
        if (problem.status !== 429) throw problem;
        const seconds = problem.retryAfter ?? FALLBACK_WAIT_S;
        told(seconds);
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      }
    }
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }
}

/** `sent(share)` hears how much has gone. `signal` stops it. Gives { id }, as POST /api/scans does. */
export function send(files, options, sent, signal) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("options", JSON.stringify(options));
    for (const file of files) form.append("files", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", "/api/scans");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    request.onload = () => {
      const said = request.response ?? {};
      if (request.status === 202) resolve(said);
      else reject(new Problem(said.code ?? "internal", said.detail ?? request.statusText, request.status, said.retry_after));
    };
    request.onerror = () => reject(new Problem("offline", text("text:offline"), 0));
    request.onabort = () => reject(new Problem("cancelled", "", 0));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}
