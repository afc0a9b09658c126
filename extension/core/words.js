// Words on our own pages: texts by key, counts, shares and ages the way the person's language writes them. Text only ever becomes text.
import { wholePercent } from "../shared/percent.js";
import { headline, showsPercent, why } from "../shared/words.js";
import { direction, language, text } from "./browser.js";

const AGES = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** `key`_one, `key`_other, ... by the language's rules; the count is the first value. */
export function counted(key, n, ...more) {
  const form = new Intl.PluralRules(language()).select(n);
  return text(`${key}_${form}`, [n, ...more]) || text(`${key}_other`, [n, ...more]);
}

export const percent = (share) => text("percent", [wholePercent(share)]);

/** How long ago, in the largest unit that fits. `then`: ISO 8601. */
export function ago(then, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(then)) / 1000);
  const [unit, size] = AGES.find(([, length]) => seconds >= length) ?? ["minute", 60];
  if (seconds < 60) return text("just_now");
  return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(-Math.floor(seconds / size), unit);
}

export const modality = (name) => text(`modality_${name}`);

/** A verdict in words, the percentage that may stand beside them, and why it is sure or not. */
export const headlineOf = (verdict) => headline(verdict, text);
export const percentOf = (verdict) => (showsPercent(verdict) ? percent(verdict.confidence) : "");
export const whyOf = ({ verdict, panels }) => why(verdict, panels ?? [], text, percent);

/** Which text of the page names which modality. */
export const contextSays = ({ from, modality: said }) => text(`context_${from}`, [modality(said)]);

/** What a Problem means for the person; its own words where we have none. */
export const problem = ({ code, message, detail }) => text(`problem_${code}`) || detail || message || text("problem_internal");

/** Fills in every element that names its text: data-t its content, data-t-label and data-t-title these attributes. */
export function fill(root = document) {
  document.documentElement.lang = language();
  document.documentElement.dir = direction();
  for (const element of root.querySelectorAll("[data-t]")) element.replaceChildren(...pieces(text(element.dataset.t)));
  for (const element of root.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", text(element.dataset.tLabel));
  for (const element of root.querySelectorAll("[data-t-title]")) element.title = text(element.dataset.tTitle);
}

/** `commands` stand between backticks. */
const pieces = (words) =>
  words.split("`").map((piece, at) => (at % 2 ? Object.assign(document.createElement("code"), { textContent: piece }) : piece));

export { text };
