// Images selected in the gallery, and the gallery's keys: move, open, select, label, unfold.
import { part, text } from "./dom.js";
import { cards, corrected, shown, unfold } from "./gallery.js";
import { bind, bindModalities } from "./keys.js";
import { correctAll, undoLast } from "./correct.js";
import { toggleRest } from "./rest.js";

const gallery = document.getElementById("gallery");
const bar = document.getElementById("bulk");
/** The selected cards, in the order that is shown. */
export const selected = () => chosen().map((box) => box.closest(".card"));
const boxes = () => cards().map((card) => part(card, "select"));
const chosen = () => boxes().filter((box) => box.checked);
const here = () => document.activeElement?.closest?.(".card");

function show() {
  const n = chosen().length;
  bar.hidden = !n;
  part(bar, "chosen").textContent = text("text:selected", { n });
  gallery.classList.toggle("choosing", n > 0);
}

export function clear() {
  for (const box of chosen()) box.checked = false;
  show();
}

function label(modality) {
  const images = chosen().map((box) => box.closest(".card").dataset.sha256);
  if (!images.length && here()) images.push(here().dataset.sha256);
  if (!images.length) return false;
  correctAll(images, modality, corrected);
  clear();
  return true;
}

function choose() {
  if (!here()) return false;
  const box = part(here(), "select");
  box.checked = !box.checked;
  show();
  return true;
}

function chooseAll() {
  const all = shown().map((card) => part(card, "select"));
  const every = all.some((box) => !box.checked);
  for (const box of all) box.checked = every;
  show();
}

/** Moves the focus by `by` cards, or by `by` lines of the grid. */
function step(by, lines = false) {
  const all = shown();
  if (!all.length) return;
  const at = all.indexOf(here());
  const wide = lines ? all.filter((card) => card.offsetTop === all[0].offsetTop).length : 1;
  const next = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by * wide))];
  part(next, "link").focus();
  next.scrollIntoView({ block: "nearest" });
}

gallery.addEventListener("change", show);
bar.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.bulk) label(button.dataset.bulk);
  else if (button && "clear" in button.dataset) clear();
});

const arrows = "← ↑ ↓ →";
bind("j", text("text:key_image_next"), () => step(1));
bind("k", text("text:key_image_previous"), () => step(-1));
for (const [key, by, lines] of [["ArrowRight", 1], ["ArrowLeft", -1], ["ArrowDown", 1, true], ["ArrowUp", -1, true]]) {
  bind(key, text("text:key_image_arrows"), () => (here() ? step(by, lines) : false), { shown: arrows });
}
bind("x", text("text:key_choose"), choose);
bind("a", text("text:key_choose_all"), chooseAll);
bind("f", text("text:key_unfold"), () => Boolean(here()) && unfold(here()));
bind("n", text("text:key_rest"), toggleRest);
bindModalities(label);
bind("u", text("text:key_take_back"), () => void undoLast(corrected));
bind("Escape", text("text:clear"), () => (chosen().length ? clear() : false));
show();
