// The messages that the background and content scripts accept, and the shape of each. All others are refused.
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

/** message type -> {fields: {name: check}}. `page: true`: content scripts may send it too. */
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
  missed: { fields: {}, page: true },
};

/** Why `message` is refused, or null. `trusted`: it comes from one of the extension's own pages. */
export function refusal(message, trusted) {
  const shape = SHAPES[message?.type];
  if (!shape) return "unknown message";
  if (!trusted && !shape.page) return `${message.type}: not from a page`;
  const extra = Object.keys(message).find((name) => name !== "type" && !shape.fields[name]);
  if (extra) return `${message.type}: ${extra} is not part of it`;
  const wrong = Object.keys(shape.fields).find((name) => !shape.fields[name](message[name]));
  return wrong ? `${message.type}: ${wrong} does not fit` : null;
}

/** The data about an image that a content script gets: enough to mark it, nothing about the service. `urls`: the image's addresses. */
export function markOf(image, urls) {
  const { verdict } = image;
  const { modality, is_medical: medical, sure, corrected, context = null } = verdict;
  const [words, percent] = [headlineOf(verdict), percentOf(verdict)];
  return { image: image.sha256, urls, modality, modalities: modalitiesOf(verdict), medical, words, percent, sure, corrected, context };
}
