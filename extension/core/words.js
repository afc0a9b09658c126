// Texts of the extension's own pages: by key, with counts, percentages and ages formatted for the language. They are never parsed as markup.
import { wholePercent } from "../shared/percent.js";
import { headline, showsPercent, why } from "../shared/words.js";
import { direction, language, text } from "./browser.js";

const AGES = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3600], ["minute", 60]];

/** The text `key`_one, `key`_other, ... according to the language's plural rules; the count is its first value. */
export function counted(key, n, ...more) {
  const form = new Intl.PluralRules(language()).select(n);
  return text(`${key}_${form}`, [n, ...more]) || text(`${key}_other`, [n, ...more]);
}

export const percent = (share) => text("percent", [wholePercent(share)]);

/** The time since `then` (ISO 8601) in words, in the largest unit that fits. */
export function ago(then, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(then)) / 1000);
  const [unit, size] = AGES.find(([, length]) => seconds >= length) ?? ["minute", 60];
  if (seconds < 60) return text("just_now");
  return new Intl.RelativeTimeFormat(language(), { numeric: "auto" }).format(-Math.floor(seconds / size), unit);
}

export const modality = (name) => text(`modality_${name}`);

/** A verdict in words, the percentage to show beside them (or ""), and the sentence that explains why it is sure or not. */
export const headlineOf = (verdict) => headline(verdict, text);
export const percentOf = (verdict) => (showsPercent(verdict) ? percent(verdict.confidence) : "");
export const whyOf = ({ verdict, panels }) => why(verdict, panels ?? [], text, percent);

/** Which text of the page names which modality, for example "The caption says CT". */
export const contextSays = ({ from, modality: said }) => text(`context_${from}`, [modality(said)]);

/** A Problem in words; the service's own message if the extension has no text for its code. */
export const problem = ({ code, message, detail }) => text(`problem_${code}`) || detail || message || text("problem_internal");

/** Fills in the texts that elements name: data-t sets the content, data-t-label the aria-label, data-t-title the title. */
export function fill(root = document) {
  document.documentElement.lang = language();
  document.documentElement.dir = direction();
  for (const element of root.querySelectorAll("[data-t]")) element.replaceChildren(...pieces(text(element.dataset.t)));
  for (const element of root.querySelectorAll("[data-t-label]")) element.setAttribute("aria-label", text(element.dataset.tLabel));
  for (const element of root.querySelectorAll("[data-t-title]")) element.title = text(element.dataset.tTitle);
}

/** The text as DOM nodes; text between backticks becomes a code element. */
const pieces = (words) =>
  words.split("`").map((piece, at) => (at % 2 ? Object.assign(document.createElement("code"), { textContent: piece }) : piece));

export { text };
