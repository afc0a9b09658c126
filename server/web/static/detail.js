// One image of the gallery in a dialog. The address names it (#sha256), so that links to it and the browser's Back work.
import { imagePage } from "./api.js";
import { part, text } from "./dom.js";
import { cardOf, corrected, shown } from "./gallery.js";
import { article } from "./image.js";
import { bind, enabled, show as listKeys, typing } from "./keys.js";
import { KEYS, MODALITIES } from "./shared/modalities.js";

const dialog = document.getElementById("detail");
const body = part(dialog, "body");
const gallery = document.getElementById("gallery");
const { scan, query } = gallery.dataset;
const SHA256 = /^#[0-9a-f]{64}$/;
let open = "";
let acts = null;

function position() {
  const all = shown();
  const at = all.indexOf(cardOf(open));
  part(dialog, "position").textContent = at < 0 ? "" : text("text:position", { i: at + 1, n: all.length });
  for (const button of dialog.querySelectorAll("[data-step]")) button.disabled = at < 0 || !all[at + Number(button.dataset.step)];
}

function step(by) {
  const all = shown();
  const next = all[all.indexOf(cardOf(open)) + by];
  if (next && cardOf(open)) location.replace(`#${next.dataset.sha256}`);
}

async function show(sha256) {
  open = sha256;
  acts = null;
  part(dialog, "own").href = `/images/${sha256}${query}`;
  position();
  if (!dialog.open) dialog.showModal();
  body.setAttribute("aria-busy", "true");
  try {
    const found = await imagePage(sha256, cardOf(sha256)?.dataset.scan ?? scan);
    if (open !== sha256) return; // another image was opened meanwhile
    body.replaceChildren(found);
    acts = article(found, corrected);
    body.scrollTop = 0;
  } catch (problem) {
    if (open === sha256) body.textContent = text("text:cannot_open", { why: problem.message });
  } finally {
    if (open === sha256) body.removeAttribute("aria-busy");
  }
}

function follow() {
  if (SHA256.test(location.hash)) show(location.hash.slice(1));
  else if (dialog.open) dialog.close();
}

gallery.addEventListener("click", (event) => {
  const link = event.target.closest("[data-link]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  location.hash = link.closest(".card").dataset.sha256;
});
dialog.addEventListener("click", (event) => {
  const button = event.target.closest("[data-step], [data-close]");
  if (event.target === dialog || (button && "close" in button.dataset)) dialog.close();
  else if (button) step(Number(button.dataset.step));
});
dialog.addEventListener("close", () => {
  const card = cardOf(open);
  open = "";
  acts = null;
  body.replaceChildren();
  if (location.hash) history.pushState(null, "", location.pathname + location.search);
  if (card) part(card, "link").focus();
});
dialog.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target)) {
    event.stopPropagation();
    return;
  }
  const modality = MODALITIES.find((name) => KEYS[name] === event.key);
  const keys = { ArrowRight: () => step(1), ArrowLeft: () => step(-1) };
  const single = { j: () => step(1), k: () => step(-1), h: () => acts?.heat(), u: () => acts?.undo(), "?": listKeys };
  const act = keys[event.key] ?? (enabled() ? (single[event.key] ?? (modality ? () => acts?.label(modality) : null)) : null);
  event.stopPropagation(); // the keys of the page under the dialog must not act
  if (!act) return;
  event.preventDefault();
  act();
});
bind("h", text("text:key_heat"), () => false); // listed with the others; it works where an image is open
window.addEventListener("hashchange", follow);
follow();
