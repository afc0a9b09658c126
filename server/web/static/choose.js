// Rows selected by mouse or keys, deleted together, and restored within a minute, also from the next page.
import { forget, restore } from "./api.js";
import { part, text } from "./dom.js";
import { bind } from "./keys.js";
import { toast } from "./toast.js";
import { deleted, lastDeleted, undone } from "./undo.js";

const list = document.getElementById("rows");
const all = document.getElementById("select-page");
const remove = document.getElementById("delete-selected");
const sure = document.getElementById("sure");
const boxes = () => [...list.querySelectorAll("[data-select]")];
const chosen = () => boxes().filter((box) => box.checked);
let closeUndo = null;

function show() {
  const n = chosen().length;
  remove.disabled = !n;
  part(remove, "chosen").textContent = n ? String(n) : "";
  all.checked = n > 0 && n === boxes().length;
  all.indeterminate = n > 0 && n < boxes().length;
}

async function drop(wanted) {
  try {
    deleted(await forget(wanted));
    location.reload();
  } catch (problem) {
    toast(problem.message);
  }
}

const dropChosen = () => {
  const ids = chosen().map((box) => box.closest("[data-scan]").dataset.scan);
  return ids.length ? drop({ ids }) : false;
};

async function undo() {
  const last = lastDeleted();
  if (!last) return false;
  closeUndo?.();
  try {
    await restore(last.undo);
    undone(text("text:brought_back"));
    location.reload();
  } catch (problem) {
    undone();
    toast(problem.message);
  }
  return true;
}

/** The row that has the focus, or none. */
const here = () => document.activeElement?.closest?.(".row");

function step(by) {
  const rows = [...list.children];
  const at = rows.indexOf(here());
  const next = rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by))];
  next?.querySelector(".row-title").focus();
  next?.scrollIntoView({ block: "nearest" });
}

function toggle() {
  const box = here() && part(here(), "select");
  if (!box) return false;
  box.checked = !box.checked;
  show();
  return true;
}

function toggleAll() {
  const every = boxes().some((box) => !box.checked);
  for (const box of boxes()) box.checked = every;
  show();
}

list.addEventListener("change", show);
new MutationObserver(show).observe(list, { childList: true });
all.addEventListener("change", () => {
  for (const box of boxes()) box.checked = all.checked;
  show();
});
remove.addEventListener("click", dropChosen);
document.getElementById("delete-all").addEventListener("click", () => {
  sure.returnValue = ""; // Escape cancels
  sure.showModal();
});
sure.addEventListener("close", () => sure.returnValue === "yes" && drop({ everything: true }));

bind("j", text("text:key_next"), () => step(1));
bind("k", text("text:key_previous"), () => step(-1));
bind("x", text("text:key_select"), toggle);
bind("a", text("text:key_select_all"), toggleAll);
bind("Delete", text("text:key_delete"), dropChosen, { shown: "Delete d" });
bind("d", text("text:key_delete"), dropChosen, { shown: "Delete d" });
bind("u", text("text:key_undo"), undo);

const last = lastDeleted();
if (last) {
  const words = last.count === 1 ? text("text:deleted_one") : text("text:deleted_many", { n: last.count });
  closeUndo = toast(words, { action: { label: text("text:undo"), act: undo }, seconds: last.seconds });
}
const word = sessionStorage.getItem("medlens-word");
sessionStorage.removeItem("medlens-word");
if (word) toast(word);
show();
