// One card of the gallery: its marks, and the verdict it shows.
import { modalityName, part, percent, text } from "./dom.js";

const RIVAL = 0.1;

export const marked = (card, name) => !part(card, "mark", name).hidden;

export function mark(card, name, visible, words) {
  const element = part(card, "mark", name);
  element.hidden = !visible;
  if (words) element.textContent = words;
}

/** What an uncertain verdict leaves open, in words; views.py says the same, records.py has RIVAL's reason. */
function doubt({ probabilities }) {
  const [[first], [second, share]] = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  return share < RIVAL ? text("text:uncertain") : text("text:between", { a: modalityName(first), b: modalityName(second) });
}

/** A verdict as the API has it, on its card. */
export function say(card, verdict) {
  card.dataset.modality = verdict.modality;
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
