// Tags and notes, edited in place: on a scan, an image (on its page or in a dialog) and a collection. Each change can be undone.
import { part, text } from "./dom.js";
import { bind } from "./keys.js";
import "./tag_names.js";
import { setNote, setTags } from "./marking.js";
import { toast } from "./toast.js";

const namesOf = (line) => [...line.querySelectorAll(".tag")].map((tag) => tag.dataset.tag);

function show(line, names) {
  const template = line.querySelector("template");
  const shown = names.map((name) => {
    const tag = template.content.firstElementChild.cloneNode(true);
    tag.dataset.tag = name;
    const link = tag.querySelector("a");
    link.textContent = name;
    link.href = `/collections?tag=${encodeURIComponent(name)}`;
    part(tag, "untag").setAttribute("aria-label", text("text:tag_remove", { name }));
    return tag;
  });
  line.querySelector(".tags").replaceChildren(...shown);
}

/** Sends the whole list. What the service keeps is shown: it knows the spelling that a tag has elsewhere. */
async function change(line, names, words) {
  const before = namesOf(line);
  try {
    const { tags } = await setTags(line.dataset.tags, names, line.closest("#image")?.dataset.scan);
    show(line, tags);
    if (words) toast(words, { action: { label: text("text:undo"), act: () => change(line, before) }, seconds: 10 });
    return true;
  } catch (problem) {
    toast(problem.message);
    return false;
  }
}

async function add(line) {
  const field = line.querySelector("input");
  const wanted = field.value.split(",").map((name) => name.trim()).filter(Boolean);
  if (!wanted.length) return;
  if (await change(line, [...namesOf(line), ...wanted], text("text:tagged", { name: wanted.join(", ") }))) field.value = "";
  field.focus();
}

async function remove(line, name) {
  const at = namesOf(line).indexOf(name);
  await change(line, namesOf(line).filter((one) => one !== name), text("text:untagged", { name }));
  const left = [...line.querySelectorAll("[data-untag]")];
  (left[Math.min(at, left.length - 1)] ?? line.querySelector("input")).focus({ preventScroll: true });
}

function edit(note, open) {
  const form = note.querySelector("form");
  form.hidden = !open;
  part(note, "edit").hidden = open;
  part(note, "text").hidden = open || !part(note, "text").textContent;
  if (open) form.elements.note.focus();
  else part(note, "edit").focus();
}

function showNote(note, words) {
  part(note, "text").textContent = words;
  note.querySelector("form").elements.note.value = words;
  part(note, "edit").textContent = words ? text("text:note_edit") : text("text:note_add");
}

async function save(note, words, undoing = false) {
  const before = part(note, "text").textContent;
  try {
    showNote(note, (await setNote(note.dataset.note, words)).note);
  } catch (problem) {
    toast(problem.message);
    return;
  }
  edit(note, false);
  const undo = { label: text("text:undo"), act: () => save(note, before, true) };
  toast(text("text:note_saved"), { action: undoing ? null : undo, seconds: 10 });
}

document.addEventListener("submit", (event) => {
  const line = event.target.closest("[data-tags]");
  const note = event.target.closest("[data-note]");
  if (!line && !note) return;
  event.preventDefault();
  if (line) add(line);
  else save(note, event.target.elements.note.value);
});
document.addEventListener("click", (event) => {
  const untag = event.target.closest("[data-untag]");
  const note = event.target.closest("[data-note]");
  if (untag) remove(untag.closest("[data-tags]"), untag.closest(".tag").dataset.tag);
  else if (note && event.target.closest("[data-edit]")) edit(note, true);
  else if (note && event.target.closest("[data-cancel]")) {
    showNote(note, part(note, "text").textContent);
    edit(note, false);
  }
});
document.addEventListener("keydown", (event) => {
  const line = event.target.closest?.("[data-tags]");
  const note = event.target.closest?.("[data-note] form");
  if (line && event.key === "Backspace" && event.target.matches("input") && !event.target.value) {
    const last = namesOf(line).at(-1);
    if (last) remove(line, last).then(() => line.querySelector("input").focus());
  } else if (note && event.key === "Escape") {
    event.preventDefault();
    edit(note.closest("[data-note]"), false);
  } else if (note && event.key === "Enter" && (event.ctrlKey || event.metaKey)) note.requestSubmit();
});

const page = document.querySelector("main > article [data-tags], main .tagging [data-tags]");
if (page) {
  bind("t", text("text:key_tag"), () => document.querySelector("main .tagging [data-tags] input").focus());
  bind("e", text("text:key_note"), () => edit(document.querySelector("main [data-note]"), true));
}
