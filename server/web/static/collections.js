// The list of collections: makes one, and restores the one that was deleted last.
import { notice, part, text } from "./dom.js";
import { bind } from "./keys.js";
import { newCollection, restoreCollection } from "./marking.js";
import { toast } from "./toast.js";

const page = document.getElementById("collections");
const form = page.querySelector("form");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    location.assign(`/collections/${(await newCollection(form.elements.name.value)).id}`);
  } catch (problem) {
    notice(part(page, "error"), problem.message, true);
  }
});
bind("n", text("text:key_new_collection"), () => form.elements.name.focus());

const last = JSON.parse(sessionStorage.getItem("medlens-collection") ?? "null");
sessionStorage.removeItem("medlens-collection");
if (last && last.until > Date.now()) {
  const act = () => restoreCollection(last.id).then(({ id }) => location.assign(`/collections/${id}`), (problem) => toast(problem.message));
  const seconds = (last.until - Date.now()) / 1000;
  toast(text("text:collection_deleted", { name: last.name }), { action: { label: text("text:undo"), act }, seconds });
}
