// What is surely not medical is folded away among all images of a scan. The browser remembers whether it is shown.
import { text } from "./dom.js";

const KEY = "medlens-rest";
const gallery = document.getElementById("gallery");
const button = document.getElementById("rest");

/** 0: medical, or probably so; 1: probably not; 2: surely not, and folded away. pages/scan_page.py has the same rule. */
export const rankOf = ({ dataset }) => (dataset.medical !== "false" ? 0 : dataset.sure === "false" ? 1 : 2);
export const isRest = (card) => rankOf(card) === 2;
export const isFolded = (card) => gallery.hasAttribute("data-fold") && isRest(card);

function show() {
  const open = localStorage.getItem(KEY) !== null;
  gallery.toggleAttribute("data-fold", !button.hidden && !open);
  button.setAttribute("aria-expanded", String(open));
}

/** Folds among these cards, if some are medical and some are not. */
export function foldRest(cards) {
  const n = cards.filter(isRest).length;
  button.hidden = !n || n === cards.length;
  button.textContent = text("text:rest", { n });
  show();
}

/** Shows or hides the images that are not medical; gives whether there are any to fold. */
export function toggleRest() {
  if (button.hidden) return false;
  if (localStorage.getItem(KEY) === null) localStorage.setItem(KEY, "open");
  else localStorage.removeItem(KEY);
  show();
  return true;
}

button.addEventListener("click", toggleRest);
