// A collection's page: its name, its deletion, and what is done with the selected images: moved or removed.
import { clear, selected } from "./bulk.js";
import { notice, part, text } from "./dom.js";
import { bind } from "./keys.js";
import { deleteCollection, moveItem, putBack, removeItems, renameCollection } from "./marking.js";
import "./menus.js";
import { toast } from "./toast.js";

const page = document.getElementById("collection");
const { collection: id } = page.dataset;
const form = part(page, "rename-form");
const error = part(page, "error");
const gallery = document.getElementById("gallery");

function naming(open) {
  form.hidden = !open;
  part(page, "named").hidden = open;
  if (open) form.elements.name.select();
  else part(page, "rename").focus();
}

async function tried(act) {
  notice(error, "");
  try {
    return await act();
  } catch (problem) {
    notice(error, problem.message, true);
    return null;
  }
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const changed = await tried(() => renameCollection(id, form.elements.name.value));
  if (!changed) return;
  part(page, "title").textContent = changed.name;
  form.elements.name.value = changed.name;
  document.title = document.title.replace(/^.*(?= · )/, () => changed.name);
  naming(false);
});
form.addEventListener("keydown", (event) => event.key === "Escape" && naming(false));
part(page, "rename").addEventListener("click", () => naming(true));
part(page, "rename-cancel").addEventListener("click", () => naming(false));
part(page, "delete").addEventListener("click", async () => {
  const deleted = await tried(() => deleteCollection(id));
  if (!deleted) return;
  const name = part(page, "title").textContent;
  sessionStorage.setItem("medlens-collection", JSON.stringify({ id, name, until: Date.now() + deleted.undo_seconds * 1000 }));
  location.assign("/collections");
});

async function remove(items) {
  if (!items.length) return false;
  const removed = await tried(() => removeItems(id, items));
  if (!removed) return true;
  sessionStorage.setItem("medlens-removed", JSON.stringify({ id, ...removed, until: Date.now() + removed.undo_seconds * 1000 }));
  location.reload();
  return true;
}

const itemsOf = (cards) => cards.map((card) => Number(card.dataset.item));

/** Moves the selected cards together by one place. */
async function move(by) {
  const cards = selected();
  const all = [...gallery.children];
  if (!cards.length || document.getElementById("sort").value !== "page") {
    if (cards.length) toast(text("text:move_order"));
    return;
  }
  const edge = by < 0 ? all[all.indexOf(cards[0]) - 1] : all[all.indexOf(cards.at(-1)) + 1];
  if (!edge) return;
  // Instead of the selected cards, the one beside them moves to their other side.
  const behind = by < 0 ? all[all.indexOf(cards.at(-1)) + 1] : cards[0];
  const moved = await tried(() => moveItem(id, Number(edge.dataset.item), behind ? Number(behind.dataset.item) : nextItem));
  if (moved === null) return;
  gallery.insertBefore(edge, behind ?? null);
  cards[0].scrollIntoView({ block: "nearest" });
}
const nextItem = gallery.dataset.next ? Number(gallery.dataset.next) : null;

document.getElementById("bulk").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.move) move(Number(button.dataset.move));
  else if (button && "remove" in button.dataset) remove(itemsOf(selected()));
});
page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-remove-item]");
  if (button) remove([Number(button.dataset.removeItem)]);
});
const removeSelected = () => remove(itemsOf(selected()));
bind("Delete", text("text:key_remove"), removeSelected, { shown: "Delete d" });
bind("d", text("text:key_remove"), removeSelected, { shown: "Delete d" });
bind("<", text("text:key_move"), () => void move(-1), { shown: "< >" });
bind(">", text("text:key_move"), () => void move(1), { shown: "< >" });

const last = JSON.parse(sessionStorage.getItem("medlens-removed") ?? "null");
sessionStorage.removeItem("medlens-removed");
if (last?.id === id && last.until > Date.now()) {
  clear();
  const act = async () => (await tried(() => putBack(id, last.undo))) && location.reload();
  toast(text("text:removed", { n: last.count }), { action: { label: text("text:undo"), act }, seconds: (last.until - Date.now()) / 1000 });
}
