// The only place that fetches. Answers JSON, or throws a Problem with the server's code and words.
import { text } from "./dom.js";

export class Problem extends Error {
  constructor(code, detail, status) {
    super(detail);
    this.code = code;
    this.status = status;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Problem("offline", text("text:offline"), 0);
  }
  if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    throw new Problem(problem.code ?? "internal", problem.detail ?? answer.statusText, answer.status);
  }
  return answer.status === 204 ? null : answer;
}

async function send(path, body) {
  const json = body instanceof FormData ? body : JSON.stringify(body);
  const headers = body instanceof FormData ? {} : { "Content-Type": "application/json" };
  return (await ask(path, { method: "POST", body: json, headers })).json();
}

export const report = async (id) => (await ask(`/api/scans/${id}`)).json();
export const scanAddress = (url, options) => send("/api/scans", { url, options });
export const cancel = (id) => send(`/api/scans/${id}/cancel`, {});
/** `wanted`: { ids } or { everything: true }. Gives { count, undo, undo_seconds }. */
export const forget = (wanted) => send("/api/scans/forget", wanted);
export const restore = (undo) => send("/api/scans/restore", { undo });
export const remove = (id) => ask(`/api/scans/${id}`, { method: "DELETE" });
export const correct = (sha256, modality) => send(`/api/images/${sha256}/feedback`, { modality });

// The service waits a moment each time; a worker that has yet to load its model takes some more.
const HEATMAP_ASKS = 8;

/** Returns when the heat map is there to be shown. */
export async function heatmap(sha256) {
  for (let turn = 1; ; turn += 1) {
    try {
      return (await ask(`/api/images/${sha256}/heatmap`)).ok;
    } catch (problem) {
      if (problem.code !== "not_made_yet" || turn === HEATMAP_ASKS) throw problem;
    }
  }
}

export const eventsOf = (id) => `/api/scans/${id}/events`;

/** `files`: File objects; their names go along. */
export function scanFiles(files, options) {
  const form = new FormData();
  form.append("options", JSON.stringify(options));
  for (const file of files) form.append("files", file, file.name);
  return send("/api/scans", form);
}
