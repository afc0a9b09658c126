// One card of the gallery: its marks, and the verdict it shows.
import { modalityName, part, percent, text } from "./dom.js";

export const marked = (card, name) => !part(card, "mark", name).hidden;

export function mark(card, name, visible, words) {
  const element = part(card, "mark", name);
  element.hidden = !visible;
  if (words) element.textContent = words;
}

/** The two candidates of an uncertain verdict in words, or that it is uncertain where there is no second one. */
const doubt = ({ modality, open }) => (open ? text("text:between", { a: modalityName(modality), b: modalityName(open) }) : text("text:uncertain"));

/** A verdict as the API has it, on its card. */
export function say(card, verdict) {
  card.dataset.modality = verdict.modality;
  card.dataset.medical = verdict.is_medical;
  card.dataset.confidence = verdict.confidence;
  part(card, "frame").classList.toggle("veil", verdict.is_medical);
  part(card, "dot").className = `dot fill-${verdict.modality}`;
  part(card, "name").textContent = modalityName(verdict.modality);
  part(card, "percent").textContent = percent(verdict.confidence);
  const level = part(card, "level");
  level.setAttribute("width", String(verdict.confidence * 100));
  level.setAttribute("class", `fill-${verdict.modality}`);
  mark(card, "uncertain", verdict.uncertain, doubt(verdict));
  mark(card, "disagree", !verdict.agree);
  mark(card, "corrected", Boolean(verdict.corrected));
  mark(card, "cached", Boolean(verdict.cached));
}
