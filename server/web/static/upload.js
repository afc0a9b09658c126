// Uploads files, reports how much has been sent, and tries again when the service says that there are too many at once.
import { offline, Problem, withSession } from "./api.js";

// The service accepts three uploads at a time, and resolves each address; it would refuse more.
const AT_ONCE = 3;
const FALLBACK_WAIT_S = 5;
let free = AT_ONCE;
const waiting = [];

/** Runs `work` when there is room, and again whenever the service says too many requests. `onWait(seconds)` is called before each wait. */
export async function inTurn(work, onWait = () => {}) {
  if (free > 0) free -= 1;
  else await new Promise((resolve) => waiting.push(resolve));
  try {
    for (;;) {
      try {
        return await work();
      } catch (problem) {
        if (problem.status !== 429) throw problem;
        const seconds = problem.retryAfter ?? FALLBACK_WAIT_S;
        onWait(seconds);
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      }
    }
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }
}

/** `onSent(share)` is called as bytes are sent. `signal` stops it. Gives { id }, as POST /api/scans does. */
export const send = (files, options, onSent, signal) => withSession(() => sent(files, options, onSent, signal));

function sent(files, options, onSent, signal) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("options", JSON.stringify(options));
    for (const file of files) form.append("files", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", "/api/scans");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && onSent(event.loaded / event.total);
    request.onload = () => {
      const answer = request.response ?? {};
      if (request.status === 202) resolve(answer);
      else reject(new Problem(answer.code ?? "internal", answer.detail ?? request.statusText, request.status, answer.retry_after));
    };
    request.onerror = () => reject(offline());
    request.onabort = () => reject(new Problem("cancelled", "", 0));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}
