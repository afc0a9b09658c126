// All requests of the extension's own pages and background: the service's routes, and images that only this browser can load. Errors are
// thrown as Problem.
import { settings, token } from "./settings.js";
import { eventsIn } from "./sse.js";

// Time limits of requests. Heat maps wait for a worker and uploads for a slow network, so these have longer.
const ANSWER_MS = 20_000;
export const SLOW_ANSWER_MS = 120_000;

/** `code`: that of the service, or `offline` (no answer), `stranger` (an answer not from medlens), `slow` (timed out). `retryAfter`: seconds,
 * if the service gives them. */
export class Problem extends Error {
  constructor(code, detail, status = 0, retryAfter = null) {
    super(detail);
    Object.assign(this, { code, status, retryAfter });
  }
}

export async function ask(path, { method = "GET", body, headers = {}, signal, ms = ANSWER_MS, address, key } = {}) {
  const base = address ?? (await settings()).address;
  const bearer = key ?? (await token());
  const limit = ms ? [AbortSignal.timeout(ms)] : [];
  let answer;
  try {
    answer = await fetch(base + path, {
      method,
      body,
      headers: { ...(bearer ? { Authorization: `Bearer ${bearer}` } : {}), ...headers },
      signal: AbortSignal.any([...limit, ...(signal ? [signal] : [])]),
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw error.name === "TimeoutError" ? new Problem("slow", base) : new Problem("offline", base);
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Problem(problem.code ?? "stranger", problem.detail ?? answer.statusText, answer.status, problem.retry_after);
}

const json = async (answer) => {
  try {
    return await answer.json();
  } catch {
    throw new Problem("stranger", "no JSON");
  }
};
const get = async (path, options) => json(await ask(path, options));
const post = async (path, body, options) =>
  json(await ask(path, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" }, ...options }));

export const health = (address, key) => get("/healthz", { address, key });
export const tokenHolds = (address, key) => get("/api/scans?limit=1", { address, key });
export const scanAddress = (url, options = {}) => post("/api/scans", { url, options });
export const report = (id, signal) => get(`/api/scans/${id}`, { signal });
/** The service's CSV of the scan, with one row for each image. */
export const csv = async (id) => (await ask(`/api/scans/${id}/export.csv`)).blob();
export const cancel = (id) => post(`/api/scans/${id}/cancel`, {});
export const image = (sha256) => get(`/api/images/${sha256}`);
export const correct = (sha256, modality) => post(`/api/images/${sha256}/feedback`, { modality });
export const thumbnail = async (sha256, signal) => (await ask(`/api/images/${sha256}/thumbnail`, { signal })).blob();
export const heatmap = async (sha256) => (await ask(`/api/images/${sha256}/heatmap`, { ms: SLOW_ANSWER_MS })).blob();

/** The last Report for this address, or null when there is none. */
export async function lookup(url) {
  try {
    return await get(`/api/scans/lookup?url=${encodeURIComponent(url)}`);
  } catch (problem) {
    if (problem.code === "not_found") return null;
    throw problem;
  }
}

/** `files`: [{name, blob}]. */
export async function scanFiles(files) {
  const form = new FormData();
  for (const { name, blob } of files) form.append("files", blob, name);
  return json(await ask("/api/scans", { method: "POST", body: form, ms: SLOW_ANSWER_MS }));
}

/** A scan's events after `last`, until the connection ends. */
export async function* events(id, last, signal) {
  const headers = last ? { "Last-Event-ID": last } : {};
  const answer = await ask(`/api/scans/${id}/events`, { headers, signal, ms: 0 });
  yield* eventsIn(answer.body);
}

/** The bytes of any address, requested with this browser's cookies; null if that fails or they are more than `limit`. */
export async function asSeenHere(url, limit, ms = ANSWER_MS) {
  try {
    const answer = await fetch(url, { credentials: "include", cache: "force-cache", signal: AbortSignal.timeout(ms) });
    if (!answer.ok || Number(answer.headers.get("Content-Length") ?? 0) > limit) return null;
    const blob = await answer.blob();
    return blob.size && blob.size <= limit ? blob : null;
  } catch {
    return null;
  }
}
