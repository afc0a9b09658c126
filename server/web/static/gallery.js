// The cards of a scan: added while it runs, filled with verdicts, folded, filtered, sorted and counted.
import { mark, marked, showVerdict } from "./card.js";
import { part, text } from "./dom.js";
import { foldRest, isFolded, rankOf } from "./rest.js";

const gallery = document.getElementById("gallery");
const template = document.getElementById("card");
const tabs = document.querySelector(".tabs");
const sort = document.getElementById("sort");
const query = new URLSearchParams(location.search);
const unfolded = new Set();
const ORDER = "medlens-order"; // the key under which this browser stores the order
const ofScan = Boolean(gallery.dataset.scan); // a collection is shown whole and in its own order: a person chose both
const PLAIN = ofScan ? "medical" : "page";
let chosen = query.get("show") ?? "";
const inPageOrder = [...gallery.children].sort((a, b) => a.dataset.at - b.dataset.at); // page by page; later cards follow

export const cards = () => [...gallery.children];
export const shown = () => cards().filter((card) => !card.hidden && !isFolded(card));
export const cardOf = (sha256) => part(gallery, "sha256", sha256);
const copiesOf = (card) => [...gallery.querySelectorAll(`[data-copy-of="${CSS.escape(card.dataset.sha256)}"]`)];

/** An image was corrected, or its correction undone: near duplicates in this gallery follow, as they do in the store. */
export function corrected(sha256, verdict) {
  const card = cardOf(sha256);
  if (!card) return;
  for (const one of [card, ...copiesOf(card)]) showVerdict(one, verdict);
  refresh();
}

/** An image of a running scan. A verdict may arrive twice (from a resumed stream); the later one counts. */
export function judged(image) {
  let card = cardOf(image.sha256);
  if (!card) {
    card = template.content.firstElementChild.cloneNode(true);
    card.dataset.sha256 = image.sha256;
    part(card, "link").href = `/images/${image.sha256}${gallery.dataset.query}`;
    part(card, "picture").src = `/api/images/${image.sha256}/thumbnail`;
    gallery.append(card);
    inPageOrder.push(card);
    document.querySelector("[data-empty]").hidden = true;
  }
  const places = image.places ?? [];
  part(card, "picture").alt = places.find((place) => place.alt)?.alt ?? "";
  mark(card, "places", places.length > 1, text("text:places", { n: places.length }));
  showVerdict(card, image.verdict);
  if (sort.value === "medical") gallery.insertBefore(card, cards().find((other) => rankOf(other) > rankOf(card)) ?? null);
  refresh();
}

function is(card, filter) {
  if (filter === "") return true;
  if (filter === "medical") return card.dataset.medical === "true";
  if (filter === "uncertain") return card.dataset.sure === "false";
  if (["disagree", "context", "corrected", "new"].includes(filter)) return marked(card, filter);
  return card.dataset.modality === filter || card.dataset.contains.split(" ").includes(filter);
}

function refresh() {
  const all = cards();
  const originals = all.filter((card) => !card.dataset.copyOf);
  for (const card of all) {
    const { copyOf } = card.dataset;
    card.hidden = !is(card, chosen) || Boolean(copyOf && !unfolded.has(copyOf));
  }
  for (const button of tabs.children) {
    const { filter } = button.dataset;
    const n = originals.filter((card) => is(card, filter)).length;
    part(button, "count").textContent = String(n);
    button.hidden = !n && filter !== "" && filter !== "medical" && filter !== chosen;
    button.setAttribute("aria-pressed", String(filter === chosen));
  }
  foldRest(chosen === "" && ofScan ? originals : []);
  document.querySelector("[data-no-match]").hidden = !all.length || all.some((card) => !card.hidden);
}

function order() {
  const original = ({ dataset }) => cardOf(dataset.copyOf ?? dataset.sha256);
  const sure = (card) => Number(original(card).dataset.confidence);
  const rank = (card) => rankOf(original(card));
  const orders = { medical: (a, b) => rank(a) - rank(b), sure: (a, b) => sure(b) - sure(a), unsure: (a, b) => sure(a) - sure(b) };
  const by = orders[sort.value] ?? (() => 0);
  gallery.append(...[...inPageOrder].sort(by));
}

function remember(name, value, plain) {
  if (value === plain) query.delete(name);
  else query.set(name, value);
  history.replaceState(history.state, "", `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`);
}

/** Shows or hides an image's near duplicates; gives whether it has any. */
export function unfold(card) {
  const button = part(card, "unfold");
  if (!button) return false;
  const open = !unfolded.delete(card.dataset.sha256);
  if (open) unfolded.add(card.dataset.sha256);
  button.setAttribute("aria-expanded", String(open));
  refresh();
  return true;
}

tabs.addEventListener("click", (event) => {
  const button = event.target.closest("[data-filter]");
  if (!button) return;
  chosen = button.dataset.filter;
  remember("show", chosen, "");
  refresh();
});
sort.addEventListener("change", () => {
  remember("order", sort.value, PLAIN);
  if (ofScan) localStorage.setItem(ORDER, sort.value);
  order();
});
gallery.addEventListener("click", (event) => event.target.closest("[data-unfold]") && unfold(event.target.closest(".card")));
sort.value = query.get("order") ?? (ofScan ? localStorage.getItem(ORDER) : null) ?? PLAIN;
if (sort.selectedIndex < 0) sort.value = PLAIN;
if (sort.value !== PLAIN) order();
if (![...tabs.children].some((button) => button.dataset.filter === chosen)) chosen = "";
refresh();
