// The keys of every page, listed by `?`. Pages add theirs with `bind`; keys typed into a field are left alone.
import { text } from "./dom.js";
import { KEYS, MODALITIES } from "./shared/modalities.js";

const OFF = "medlens-keys-off";
const dialog = document.getElementById("keys");
const on = document.getElementById("keys-on");
const bound = new Map();
let begun = "";

/**
 * `key`: as KeyboardEvent.key has it, or two of them with a space between ("g h"). `words`: what it does, for the list.
 * `act` gets the event; a key whose `act` gives false is left to the browser. Several keys may share a line: "1 … 6" is `shown`.
 */
export function bind(key, words, act, { everywhere = false, shown = key } = {}) {
  bound.set(key, { words, act, everywhere, shown });
}

/** Each modality's key: `act(modality)`; one line in the list. */
export function bindModalities(act) {
  const shown = `${KEYS[MODALITIES[0]]} … ${KEYS[MODALITIES.at(-1)]}`;
  for (const modality of MODALITIES) bind(KEYS[modality], text("text:key_correct"), () => act(modality), { shown });
}

export const enabled = () => localStorage.getItem(OFF) === null;

/** Whether keys are typed into this element. */
export const typing = (target) => Boolean(target.closest?.("select, textarea, [contenteditable], input:not([type=checkbox], [type=radio], [type=button], [type=file])"));

function list() {
  for (const section of dialog.querySelectorAll("section")) {
    const everywhere = "everywhere" in section.dataset;
    const lines = new Map();
    for (const one of bound.values()) if (one.everywhere === everywhere) lines.set(one.shown, one.words);
    const rows = [...lines].map(([shown, words]) => {
      const row = document.createElement("tr");
      const name = document.createElement("th");
      name.scope = "row";
      name.textContent = words;
      const keys = document.createElement("td");
      for (const part of shown.split(" ")) {
        const key = document.createElement("kbd");
        key.textContent = part;
        keys.append(key, " ");
      }
      row.append(name, keys);
      return row;
    });
    section.querySelector("tbody").replaceChildren(...rows);
    section.hidden = !rows.length;
  }
}

export function show() {
  list();
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]")) return; // the page's keys are off while a dialog is open
  const found = bound.get(begun + event.key) ?? bound.get(event.key);
  const begins = `${event.key} `;
  begun = !found && [...bound.keys()].some((key) => key.startsWith(begins)) ? begins : "";
  if (found && (enabled() || event.key.length > 1) && found.act(event) !== false) event.preventDefault();
});

document.getElementById("keys-open").addEventListener("click", show);
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});
on.checked = enabled();
on.addEventListener("change", () => (on.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "yes")));

bind("?", text("text:key_list"), show, { everywhere: true });
for (const link of document.querySelectorAll("[data-go]")) {
  bind(`g ${link.dataset.go}`, text("text:key_go", { place: link.textContent.trim() }), () => location.assign(link.href), { everywhere: true });
}
const search = document.querySelector("input[type=search]");
if (search) bind("/", text("text:key_search"), () => search.focus(), { everywhere: true });
