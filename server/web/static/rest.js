// What is surely not medical is folded away among all images of a scan. The browser remembers whether it is shown.
import { text } from "./dom.js";

const KEY = "medlens-rest";
const gallery = document.getElementById("gallery");
const button = document.getElementById("rest");

/** Surely not medical; pages/scan_page.py has the same rule. */
export const isRest = ({ dataset }) => dataset.medical === "false" && dataset.sure !== "false";
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
