// What one image's article does, wherever it stands: its own page, or the dialog of a scan's page.
import { modalityName, part, percent } from "./dom.js";
import { heat } from "./heat.js";
import { sayOf, takeBackLast } from "./say.js";

/** Gives { say(modality), undo, heat } for keys. `told(sha256, verdict)` hears of what a person said. */
export function article(root, told = () => {}) {
  const { sha256 } = root.dataset;
  const choices = [...root.querySelectorAll("[data-correct]")];
  const warm = heat(root);

  function fill(name, verdict) {
    part(root, "dot").className = `dot fill-${verdict.modality}`;
    part(root, "verdict").textContent = modalityName(verdict.modality);
    part(root, "percent").textContent = percent(verdict.confidence);
    part(root, "corrected").hidden = !verdict.corrected;
    part(root, "uncertain").hidden = !verdict.uncertain;
    part(root, "act", "undo").hidden = !verdict.corrected;
    for (const one of choices) {
      one.setAttribute("aria-pressed", String(verdict.corrected && one.dataset.correct === verdict.modality));
    }
    told(name, verdict);
  }

  const say = (modality) => void sayOf([sha256], modality, fill);
  const undo = () => (part(root, "act", "undo").hidden ? false : void takeBackLast(fill, [sha256]));

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.correct) say(button.dataset.correct);
    if (button?.dataset.act === "undo") undo();
  });
  return { say, undo, heat: warm.toggle };
}
