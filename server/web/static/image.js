// What one image's article does, wherever it stands: its own page, or the dialog of a scan's page.
import { imagePage } from "./api.js";
import { part } from "./dom.js";
import { heat } from "./heat.js";
import { panels } from "./panels.js";
import { sayOf, takeBackLast } from "./say.js";
import { headlineOf } from "./verdict.js";

/** Gives { say(modality), undo, heat } for keys. `told(sha256, verdict)` hears of what a person said. */
export function article(root, told = () => {}) {
  const { sha256 } = root.dataset;
  let warm = bind();

  function bind() {
    panels(root);
    return heat(root);
  }

  /** Another answer has other reasons: the article is written anew by the server, and the keyboard stays where it was. */
  async function fill(name, verdict) {
    told(name, verdict);
    part(root, "verdict").textContent = headlineOf(verdict);
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.correct : null;
    const fresh = await imagePage(sha256, root.dataset.scan).catch(() => null); // then the headline has to do
    if (!fresh) return;
    root.replaceChildren(...fresh.childNodes);
    warm = bind();
    if (focused) part(root, "correct", focused).focus({ preventScroll: true });
  }

  const say = (modality) => void sayOf([sha256], modality, fill);
  const undo = () => (part(root, "act", "undo").hidden ? false : void takeBackLast(fill, [sha256]));

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.correct) say(button.dataset.correct);
    if (button?.dataset.act === "undo") undo();
  });
  return { say, undo, heat: () => warm.toggle() };
}
