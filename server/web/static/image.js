// The article of one image, on its own page or in the dialog of a scan's page.
import { imagePage } from "./api.js";
import { part } from "./dom.js";
import { heat } from "./heat.js";
import { panels } from "./panels.js";
import { correctAll, undoLast } from "./correct.js";
import { headlineOf } from "./verdict.js";

/** Gives { label(modality), undo, heat } for keys. `onCorrected(sha256, verdict)` is called after each correction. */
export function article(root, onCorrected = () => {}) {
  const { sha256 } = root.dataset;
  let heatMap = bind();

  function bind() {
    panels(root);
    return heat(root);
  }

  /** Another verdict has other reasons, so the server renders the article again; the keyboard focus is kept. */
  async function fill(name, verdict) {
    onCorrected(name, verdict);
    part(root, "verdict").textContent = headlineOf(verdict);
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.correct : null;
    const fresh = await imagePage(sha256, root.dataset.scan).catch(() => null); // then only the headline changes
    if (!fresh) return;
    root.replaceChildren(...fresh.childNodes);
    heatMap = bind();
    if (focused) part(root, "correct", focused).focus({ preventScroll: true });
  }

  const label = (modality) => void correctAll([sha256], modality, fill);
  const undo = () => (part(root, "act", "undo").hidden ? false : void undoLast(fill, [sha256]));

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.correct) label(button.dataset.correct);
    if (button?.dataset.act === "undo") undo();
  });
  return { label, undo, heat: () => heatMap.toggle() };
}
