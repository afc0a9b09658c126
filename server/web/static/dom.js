// Reads and changes the page. Texts are only ever set as text; nothing here takes markup.
import { wholePercent } from "./shared/percent.js";

/** The first element in `root` that carries data-`name` (with this value, when one is given), or null. */
export function part(root, name, value) {
  const wanted = value === undefined ? `[data-${name}]` : `[data-${name}="${CSS.escape(value)}"]`;
  return root.querySelector(wanted);
}

/** A text from the page's head, with its {names} filled in. */
export function text(name, values = {}) {
  const found = document.querySelector(`meta[name="${CSS.escape(name)}"]`);
  return (found?.content ?? name).replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export const modalityName = (modality) => text(`modality:${modality}`);
export const statusName = (status) => text(`status:${status}`);
export const percent = (share) => `${wholePercent(share)} %`;

/** Shows `message` in a notice, or hides the notice if there is none. */
export function notice(element, message, bad = false) {
  element.textContent = message ?? "";
  element.hidden = !message;
  element.classList.toggle("bad", bad);
}

/** Sets a chip's word and colour for this status. */
export function setStatus(chip, status) {
  chip.className = `chip is-${status}`;
  chip.dataset.status = status;
  chip.textContent = statusName(status);
}
