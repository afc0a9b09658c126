// The cards of a scan: made from the page's template, filled with what the events say, counted and filtered.
import { modalityName, part, percent, text } from "./dom.js";

const gallery = document.getElementById("gallery");
const template = document.getElementById("card");
const tabs = document.querySelector(".tabs");
let chosen = "";

const cards = () => [...gallery.children];
const cardOf = (sha256) => part(gallery, "sha256", sha256);

function mark(card, name, shown, words) {
  const element = part(card, "mark", name);
  element.hidden = !shown;
  if (words) element.textContent = words;
}

/** An image was found: its place in the gallery, before anyone has judged it. */
export function found(image) {
  let card = cardOf(image.sha256);
  if (!card) {
    card = template.content.firstElementChild.cloneNode(true);
    card.dataset.sha256 = image.sha256;
    part(card, "link").href = `/images/${image.sha256}`;
    gallery.append(card);
    document.querySelector("[data-empty]").hidden = true;
  }
  const places = image.places ?? [];
  part(card, "picture").alt = places.find((place) => place.alt)?.alt ?? "";
  mark(card, "places", places.length > 1, text("text:places", { n: places.length }));
  return card;
}

/** The answer for an image. An answer may come twice (a resumed stream); the later one stays. */
export function judged(image) {
  const card = found(image);
  const verdict = image.verdict;
  card.dataset.modality = verdict.modality;
  card.dataset.uncertain = verdict.uncertain ? "yes" : "";
  const picture = part(card, "picture");
  if (!picture.src && image.thumbnail !== false) picture.src = `/api/images/${image.sha256}/thumbnail`;
  part(card, "dot").className = `dot fill-${verdict.modality}`;
  part(card, "name").textContent = modalityName(verdict.modality);
  part(card, "confidence").textContent = percent(verdict.confidence);
  const level = part(card, "level");
  level.setAttribute("width", String(verdict.confidence * 100));
  level.setAttribute("class", `fill-${verdict.modality}`);
  const [first, second] = Object.entries(verdict.probabilities).sort((a, b) => b[1] - a[1]);
  const between = text("text:between", { a: modalityName(first[0]), b: modalityName(second[0]) });
  mark(card, "uncertain", verdict.uncertain, between);
  mark(card, "disagree", !verdict.agree);
  mark(card, "corrected", Boolean(verdict.corrected));
  mark(card, "cached", Boolean(verdict.cached));
  // A near copy folds into the image it is a copy of.
  card.hidden = !shows(card);
  count();
}

function is(card, filter) {
  if (filter === "") return true;
  if (filter === "uncertain") return card.dataset.uncertain === "yes" || !part(card, "mark", "uncertain").hidden;
  if (filter === "medical") return Boolean(card.dataset.modality) && card.dataset.modality !== "non_medical";
  return card.dataset.modality === filter;
}

const shows = (card) => is(card, chosen);

export function count() {
  const all = cards();
  for (const button of tabs.children) {
    const filter = button.dataset.filter;
    const n = all.filter((card) => is(card, filter)).length;
    part(button, "count").textContent = String(n);
    button.hidden = !n && filter !== "" && filter !== "medical" && filter !== chosen;
  }
}

tabs.addEventListener("click", (event) => {
  const button = event.target.closest("[data-filter]");
  if (!button) return;
  chosen = button.dataset.filter;
  for (const other of tabs.children) other.setAttribute("aria-pressed", String(other === button));
  for (const card of cards()) card.hidden = !shows(card);
});
