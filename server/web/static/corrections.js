// The list of corrections: undoes one. Its row is greyed out and stays.
import { undoCorrection } from "./api.js";
import { modalityName, text } from "./dom.js";
import { toast } from "./toast.js";

document.querySelector(".corrections")?.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-undo]");
  if (!button) return;
  const row = button.closest("li");
  button.disabled = true;
  try {
    const { modality } = await undoCorrection(row.dataset.sha256);
    row.classList.add("undone");
    toast(text("text:correction_undone", { name: modalityName(modality) }));
  } catch (problem) {
    button.disabled = false;
    toast(problem.message);
  }
});
