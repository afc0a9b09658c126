// "Scan as I see it": on demand, takes the images that this browser shows in a tab, or the PDF it shows, and sends their bytes to the
// service. For pages behind a login or on an intranet, which the service cannot open itself.
import * as api from "../core/api.js";
import { inject, mayReach, tab as tabOf } from "../core/browser.js";
import { isWeb, start } from "./begin.js";
import { withoutFragment } from "./jobs.js";

const MIB = 1024 * 1024;
// The service takes 200 files and 100 MiB in one request (limits.py, MEDLENS_MAX_DOWNLOAD_BYTES).
const MAX_FILES = 200;
const MAX_BYTES = 96 * MIB;
const MAX_ONE = 20 * MIB;

class Nothing extends Error {
  code = "nothing_seen";
}

// Captures in progress, by tab: the popup and the browser's answer to a permission question may both start one.
const captures = new Map();

/** {ask: [origins]} when the browser must first be asked for them, else the job; the job with `ask` when it lacks some images. */
export function capture(tab) {
  if (!captures.has(tab)) captures.set(tab, captureTab(tab).finally(() => captures.delete(tab)));
  return captures.get(tab);
}

async function captureTab(tab) {
  const shown = await tabOf(tab);
  if (!isWeb(shown?.url)) throw new Nothing("only web pages can be scanned");
  const found = await listed(tab);
  if (!found || found.document) return document(tab, shown.url);
  const origins = [...new Set(found.elsewhere.map((url) => new URL(url).origin))];
  const refused = [];
  for (const origin of origins) if (!(await mayReach([origin]))) refused.push(origin);
  if (refused.length && !found.here.length) return { ask: refused };
  const fetched = await Promise.all(
    found.elsewhere
      .filter((url) => !refused.includes(new URL(url).origin))
      .map(async (url) => ({ url, blob: await api.asSeenHere(url, MAX_ONE) })),
  );
  const images = [...found.here.map(decoded), ...fetched.filter(({ blob }) => blob)];
  const job = await sendAll(tab, shown.url, images);
  return refused.length ? { ...job, ask: refused } : job;
}

/** What the page's images are, or that it is a document; null where no script may go, as in Firefox's PDF viewer. */
async function listed(tab) {
  try {
    return await inject(tab, ["content/content_api.js", "content/image_addresses.js", "content/capture.js"]);
  } catch {
    return null;
  }
}

/** The click alone opens the tab's own host to Chrome's extensions; Firefox wants to be asked. */
async function document(tab, url) {
  const { origin } = new URL(url);
  const blob = await api.asSeenHere(url, MAX_BYTES, api.SLOW_ANSWER_MS);
  if (!blob && !(await mayReach([origin]))) return { ask: [origin] };
  if (!blob) throw new Nothing("the browser does not give the bytes of what it shows");
  return sendAll(tab, url, [{ url, blob }]);
}

async function sendAll(tab, page, images) {
  const files = [];
  const seen = {};
  let room = MAX_BYTES;
  for (const { url, blob } of images) {
    const sha256 = await digest(blob);
    const known = seen[sha256];
    (seen[sha256] ??= []).push(url);
    if (known || blob.size > room || files.length === MAX_FILES) continue;
    room -= blob.size;
    files.push({ name: nameOf(url), blob });
  }
  if (!files.length) throw new Nothing("there is no image here whose bytes this browser gives");
  const { id } = await api.scanFiles(files);
  return start(tab, { scan: id, target: withoutFragment(page), seen });
}

const decoded = ({ url, type, base64 }) => ({
  url,
  blob: new Blob([Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0))], { type }),
});

async function digest(blob) {
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function nameOf(url) {
  try {
    return decodeURIComponent(new URL(url).pathname.split("/").pop()).slice(0, 120) || "image";
  } catch {
    return "image";
  }
}
