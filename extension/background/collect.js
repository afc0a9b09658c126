// Collects the images that this browser shows in a tab, or the PDF, for "Scan as I see it". capture.js sends them.
import * as api from "../core/api.js";
import { injectAll, mayReach, tab as tabOf } from "../core/browser.js";
import { fromBase64, sha256 } from "../core/bytes.js";
import { isWeb } from "./begin.js";
import { fromScreen } from "./screen.js";

const MIB = 1024 * 1024;
// The service takes 200 files and 100 MiB in one request (limits.py, MEDLENS_MAX_DOWNLOAD_BYTES).
const MAX_FILES = 200;
const MAX_BYTES = 96 * MIB;
const MAX_ONE = 20 * MIB;
const SCRIPTS = ["content_api", "image_addresses", "in_view", "collector"].map((name) => `content/${name}.js`);

export class Nothing extends Error {
  code = "nothing_seen";
}

/**
 * {page, files: [{name, blob}], seen: {sha256: [addresses]}, screen, missing: [{what, name}], ask: [origins]}. `screen`: how many files were
 * taken from the screen. `missing`: what could not be collected, by kind (canvas, video, image, frame, large, more) and host or file name.
 * `ask`: the origins for which a permission is needed.
 */
export async function collect(tab) {
  const shown = await tabOf(tab);
  if (!isWeb(shown?.url)) throw new Nothing("only web pages can be scanned");
  const frames = await listed(tab);
  const [, first] = frames[0] ?? [];
  return !first || first.document ? document(shown.url) : packed(shown.url, await pageOf(tab, frames));
}

/** The answer of the collector in each frame; empty where scripts cannot be injected, as in Firefox's PDF viewer. */
const listed = (tab) => injectAll(tab, SCRIPTS).catch(() => []);

/** In Chrome the click itself gives access to the tab's own host; Firefox needs a permission for it. */
async function document(url) {
  const { origin } = new URL(url);
  const blob = await api.asSeenHere(url, MAX_BYTES, api.SLOW_ANSWER_MS);
  if (blob) return packed(url, { images: [{ url, blob }], missing: [], ask: [] });
  if (await mayReach([origin])) throw new Nothing("the browser does not give the bytes of what it shows");
  return packed(url, { images: [], missing: [], ask: [origin] });
}

/** {images: [{url, blob, screen}], missing, ask} of all frames. */
async function pageOf(tab, frames) {
  const found = frames.filter(([, result]) => result && !result.document);
  const all = (name) => found.flatMap(([frame, result]) => result[name].map((one) => ({ ...one, frame })));
  const missing = [...all("missing"), ...unentered(found)];
  const images = all("here").map(decoded);
  const shots = all("shots");
  const ask = new Set();
  for (const one of await Promise.all(all("elsewhere").map(fetched))) {
    if (one.blob) images.push(one);
    else if (one.refused) ask.add(new URL(one.url).origin) && missing.push({ what: "image", name: new URL(one.url).host });
    else shots.push({ ...one, what: "image", name: new URL(one.url).host });
  }
  const taken = await fromScreen(tab, shots);
  shots.forEach(({ url, what, name = "" }, at) => {
    if (taken[at]) images.push({ url, blob: taken[at], screen: true });
    else if (taken[at] === undefined) missing.push({ what, name });
  });
  return { images, missing, ask: [...ask] };
}

async function fetched({ url, ...rest }) {
  const refused = !(await mayReach([new URL(url).origin]));
  return { url, ...rest, refused, blob: refused ? null : await api.asSeenHere(url, MAX_ONE) };
}

/** Frames of the page in which the collector could not run. */
function unentered(found) {
  const entered = found.slice(1).map(([, { frame }]) => frame);
  const missing = [];
  for (const name of found.flatMap(([, { frames }]) => frames)) {
    const at = entered.indexOf(name);
    if (at < 0) missing.push({ what: "frame", name: name.startsWith("about:") ? "" : name });
    else entered.splice(at, 1);
  }
  return missing;
}

/** Each image once, up to the limits of the service. */
async function packed(page, { images, missing, ask }) {
  const [files, seen] = [[], {}];
  let [room, screen] = [MAX_BYTES, 0];
  for (const { url, blob, screen: shot } of images) {
    const key = await sha256(await blob.arrayBuffer());
    const known = seen[key];
    (seen[key] ??= []).push(url);
    if (known) continue;
    if (blob.size > room || files.length === MAX_FILES) {
      missing.push({ what: "more", name: "" });
      continue;
    }
    room -= blob.size;
    screen += shot ? 1 : 0;
    files.push({ name: nameOf(url), blob });
  }
  return { page, files, seen, screen, missing, ask };
}

const decoded = ({ url, type, base64 }) => ({ url, blob: new Blob([fromBase64(base64)], { type }) });

function nameOf(url) {
  try {
    return decodeURIComponent(new URL(url).pathname.split("/").pop()).slice(0, 120) || "image";
  } catch {
    return "image";
  }
}
