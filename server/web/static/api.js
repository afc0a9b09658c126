// Requests to the service. Each returns JSON, or throws a Problem with the service's code and message. If the session has ended, the
// person signs in again first (connection.js), and the request is repeated.
import { signIn, unanswered } from "./connection.js";
import { text } from "./dom.js";

export class Problem extends Error {
  /** `retryAfter`: seconds, if the service says when to ask again. */
  constructor(code, detail, status, retryAfter) {
    super(detail);
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** The problem of a request that got no answer; the page shows that the service is gone until it is back. */
export function offline() {
  unanswered();
  return new Problem("offline", text("text:offline"), 0);
}

/**
 * Gives what `request()` gives. If it throws a Problem with status 401, the session has ended: it is repeated after the person has signed
 * in, and a person who does not sign in gets a Problem.
 */
export async function withSession(request) {
  for (;;) {
    const begun = performance.now();
    try {
      return await request();
    } catch (problem) {
      if (problem.status !== 401) throw problem;
      if (!(await signIn(begun))) throw new Problem("unauthorized", text("text:signed_out"), 401);
    }
  }
}

export const ask = (path, options) => withSession(() => answerOf(path, options));

async function answerOf(path, options) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw offline();
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Problem(problem.code ?? "internal", problem.detail ?? answer.statusText, answer.status, problem.retry_after);
  }
  return answer.status === 204 ? null : answer;
}

export async function send(path, body, method = "POST") {
  const headers = { "Content-Type": "application/json" };
  return (await ask(path, { method, body: JSON.stringify(body), headers }))?.json();
}

/** `files`: [{ name, head }] with the first bytes in base64. Gives { kinds }, null for those that the service does not scan. */
export const kindsOf = (files) => send("/api/kinds", { files });
export const scanAddress = (url, options) => send("/api/scans", { url, options });
export const cancel = (id) => send(`/api/scans/${id}/cancel`, {});
/** `wanted`: { ids } or { everything: true }. Gives { count, undo, undo_seconds }. */
export const forget = (wanted) => send("/api/scans/forget", wanted);
export const restore = (undo) => send("/api/scans/restore", { undo });
export const correct = (sha256, modality) => send(`/api/images/${sha256}/feedback`, { modality });

export const undoCorrection = async (sha256) => (await ask(`/api/images/${sha256}/feedback`, { method: "DELETE" })).json();
export const skip = (sha256) => send(`/api/review/${sha256}/skip`, {});
export const unskip = async (sha256) => (await ask(`/api/review/${sha256}/skip`, { method: "DELETE" })).json();
/** `atHand`: the images that the page already has. */
export const nextQuestions = async (atHand) => (await ask(`/api/review?without=${atHand.join(",")}`)).json();
export const cleanUp = {
  show: async () => (await ask("/api/clean-up")).json(),
  run: () => send("/api/clean-up", {}),
};
/** Returns when the heat map can be shown; throws with `retryAfter` while it is being computed (heat.js asks again). */
export const heatmap = async (sha256) => (await ask(`/api/images/${sha256}/heatmap`)).ok;
export const eventsOf = (id) => `/api/scans/${id}/events`;

/** The article of an image's own page, as the server renders it. `scan`: the one to list first. */
export async function imagePage(sha256, scan) {
  const found = await rendered(`/images/${sha256}?alone=true${scan ? `&scan=${scan}` : ""}`);
  return document.adoptNode(found.getElementById("image"));
}

/** Rows of these scans, newest first, as the server renders them for the page `of`: "history" or "queue". */
export async function rowsOf(ids, of) {
  return [...(await rendered(`/rows?ids=${ids.join(",")}&of=${of}`)).querySelector("ol").children].map((row) => document.adoptNode(row));
}

/** A page as a document, parsed by the browser: its scripts do not run. */
const rendered = (path) => withSession(() => loaded(path));

function loaded(path) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", path);
    request.responseType = "document";
    request.setRequestHeader("Accept", "text/html");
    request.onload = () => {
      // The service redirects there if this browser has to sign in first.
      if (new URL(request.responseURL).pathname === "/login") reject(new Problem("unauthorized", text("text:signed_out"), 401));
      else if (request.status === 200 && request.response) resolve(request.response);
      else reject(new Problem("not_found", request.response?.querySelector("h1")?.textContent ?? request.statusText, request.status));
    };
    request.onerror = () => reject(offline());
    request.send();
  });
}
