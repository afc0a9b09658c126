// One card of the gallery: its marks, and the verdict it shows.
import { modalityName, part, text } from "./dom.js";
import { fillDots, fillShares, headlineOf, percentOf } from "./verdict.js";

export const marked = (card, name) => !part(card, "mark", name).hidden;

export function mark(card, name, visible, words) {
  const element = part(card, "mark", name);
  element.hidden = !visible;
  if (words) element.textContent = words;
}

/** Which text names which modality; context_text in templating.py has the same rule. */
const contextSays = ({ from, modality }) => text("text:context_says", { where: text(`text:source_${from}`), what: modalityName(modality) });

/** Shows a verdict of the API on its card. */
export function showVerdict(card, verdict) {
  card.dataset.modality = verdict.modality;
  card.dataset.medical = verdict.is_medical;
  card.dataset.contains = verdict.contains.join(" ");
  card.dataset.sure = verdict.sure;
  card.dataset.confidence = verdict.confidence;
  part(card, "frame").classList.toggle("veil", verdict.is_medical);
  fillDots(part(card, "dots"), verdict);
  part(card, "name").textContent = headlineOf(verdict);
  part(card, "percent").textContent = percentOf(verdict);
  fillShares(part(card, "shares"), verdict);
  mark(card, "disagree", !verdict.agree && !verdict.corrected);
  mark(card, "context", Boolean(verdict.context && !verdict.context.agrees), verdict.context && contextSays(verdict.context));
  mark(card, "corrected", Boolean(verdict.corrected));
  mark(card, "cached", Boolean(verdict.cached));
}
