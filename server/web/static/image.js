// An image's page: correct the verdict by mouse or by the keys 1 to 6, and lay the heat map over the picture.
import { correct, heatmap } from "./api.js";
import { modalityName, notice, part, text } from "./dom.js";

const page = document.getElementById("image");
const sha256 = page.dataset.sha256;
const choices = [...page.querySelectorAll("[data-correct]")];
const state = part(page, "state");
const heat = part(page, "act", "heatmap");

async function choose(button) {
  const modality = button.dataset.correct;
  try {
    await correct(sha256, modality);
    for (const other of choices) other.setAttribute("aria-pressed", String(other === button));
    part(page, "verdict").textContent = modalityName(modality);
    part(page, "corrected").hidden = false;
    notice(state, text("text:kept"));
  } catch (problem) {
    notice(state, problem.message, true);
  }
}

async function toggleHeat() {
  const picture = part(page, "heatmap");
  const words = part(page, "heat-state");
  const show = picture.hidden;
  if (show && !picture.hasAttribute("src")) {
    heat.disabled = true;
    words.textContent = text("text:computing");
    try {
      await heatmap(sha256);
      picture.src = `/api/images/${sha256}/heatmap`;
      words.textContent = "";
    } catch (problem) {
      words.textContent = problem.message || text("text:no_heatmap");
      return;
    } finally {
      heat.disabled = false;
    }
  }
  picture.hidden = !show;
  heat.setAttribute("aria-pressed", String(show));
  heat.textContent = show ? heat.dataset.shown : heat.dataset.hidden;
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-correct]");
  if (button) choose(button);
});
heat?.addEventListener("click", toggleHeat);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  const button = choices[Number(event.key) - 1];
  if (button) choose(button);
});
