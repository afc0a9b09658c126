// What may be said to the background and to a page's content script, and in which shape. Everything else is refused.
import { MODALITIES } from "../shared/modalities.js";
import { modalitiesOf } from "../shared/words.js";
import { headlineOf, percentOf } from "./words.js";

const SCAN = /^[0-9a-f-]{32,36}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const is = {
  tab: (value) => Number.isInteger(value) && value >= 0,
  flag: (value) => typeof value === "boolean",
  scan: (value) => typeof value === "string" && SCAN.test(value),
  image: (value) => typeof value === "string" && SHA256.test(value),
  modality: (value) => MODALITIES.includes(value),
  origins: (value) => Array.isArray(value) && value.every((origin) => typeof origin === "string" && /^https?:\/\/[^/]+$/.test(origin)),
};

/** message type -> {field: what it must be}. `page: true`: a content script may say it too. */
export const SHAPES = {
  // from the popup
  open: { fields: { tab: is.tab } },
  own: { fields: { tab: is.tab } },
  scans: { fields: { tab: is.tab } },
  noticed: { fields: { tab: is.tab, scan: is.scan } },
  again: { fields: { tab: is.tab, scan: is.scan } },
  cancel: { fields: { tab: is.tab, scan: is.scan } },
  mark: { fields: { tab: is.tab, on: is.flag } },
  look: { fields: { tab: is.tab } },
  see: { fields: { tab: is.tab } },
  ended: { fields: {} },
  asking: { fields: { tab: is.tab, origins: is.origins } },
  question: { fields: { tab: is.tab } },
  // from the marks on a page, about an image of the scan that this page shows
  explain: { fields: { image: is.image }, page: true },
  heatmap: { fields: { image: is.image }, page: true },
  correct: { fields: { image: is.image, modality: is.modality }, page: true },
  unmarked: { fields: {}, page: true },
};

/** Why `message` is none of ours, or null. `trusted`: it comes from one of our own pages. */
export function refusal(message, trusted) {
  const shape = SHAPES[message?.type];
  if (!shape) return "unknown message";
  if (!trusted && !shape.page) return `${message.type}: not from a page`;
  const extra = Object.keys(message).find((name) => name !== "type" && !shape.fields[name]);
  if (extra) return `${message.type}: ${extra} is not part of it`;
  const wrong = Object.keys(shape.fields).find((name) => !shape.fields[name](message[name]));
  return wrong ? `${message.type}: ${wrong} does not fit` : null;
}

/** What a page is told of an image: enough to mark it, nothing about the service. `urls`: where it stands. */
export function markOf(image, urls) {
  const { verdict } = image;
  const { modality, is_medical: medical, sure, corrected, context = null } = verdict;
  const [words, percent] = [headlineOf(verdict), percentOf(verdict)];
  return { image: image.sha256, urls, modality, modalities: modalitiesOf(verdict), medical, words, percent, sure, corrected, context };
}
