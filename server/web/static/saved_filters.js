// The saved filters of the history: saves the current one under a name, renames and deletes it.
import { ask, send } from "./api.js";
import { notice, part, text } from "./dom.js";
import { toast } from "./toast.js";

const bar = document.getElementById("saved-filters");
const dialog = document.getElementById("name-filter");
const form = dialog.querySelector("form");
const here = bar.querySelector("[data-here]");

const open = () => {
  notice(part(dialog, "wrong"), "");
  form.elements.name.value = here?.textContent ?? "";
  dialog.showModal();
  form.elements.name.select();
};

const save = (name, query) => send("/api/filters", { name, query });

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { value: name } = form.elements.name;
  try {
    await (here ? send(`/api/filters/${here.dataset.here}`, { name }, "PUT") : save(name, location.search));
    location.reload();
  } catch (problem) {
    notice(part(dialog, "wrong"), problem.message, true);
  }
});
part(dialog, "close").addEventListener("click", () => dialog.close());
part(bar, "save")?.addEventListener("click", open);
part(bar, "rename")?.addEventListener("click", open);
part(bar, "delete")?.addEventListener("click", async () => {
  const failed = (problem) => toast(problem.message);
  try {
    const { name, query } = await (await ask(`/api/filters/${here.dataset.here}`, { method: "DELETE" })).json();
    here.closest("li").remove();
    for (const button of bar.querySelectorAll("button")) button.remove();
    const act = () => save(name, query).then(() => location.reload(), failed);
    toast(text("text:filter_deleted", { name }), { action: { label: text("text:undo"), act } });
  } catch (problem) {
    failed(problem);
  }
});
