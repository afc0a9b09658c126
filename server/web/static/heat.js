// The heat map of one image: requested when the pointer rests on the image or its button is pressed, and again while it is computed.
import { heatmap } from "./api.js";
import { part, text } from "./dom.js";
import { untilMade } from "./shared/until_made.js";

// A pointer that only passes over the image requests nothing.
const LINGER_MS = 350;

/** Gives { toggle }, for a key. `root`: the image's article. */
export function heat(root) {
  const stage = part(root, "stage");
  if (!stage) return { toggle: () => false };
  const picture = part(root, "heatmap");
  const button = part(root, "act", "heatmap");
  const words = part(root, "heat-state");
  const tools = part(root, "heat-tools");
  const opacity = part(root, "heat-opacity");
  let pinned = false;
  let pointed = false;
  let loading = null;
  let timer = 0;

  const show = () => {
    picture.hidden = !(picture.hasAttribute("src") && (pinned || pointed));
    tools.hidden = !(picture.hasAttribute("src") && pinned);
    button.setAttribute("aria-pressed", String(pinned));
    button.textContent = pinned ? button.dataset.shown : button.dataset.hidden;
  };

  async function load() {
    words.textContent = text("text:computing");
    const waiting = (problem) => {
      words.textContent = text("text:not_yet", { why: `${problem.message}.` });
      return root.isConnected && (pinned || pointed);
    };
    try {
      await untilMade(() => heatmap(root.dataset.sha256), waiting);
      picture.src = `/api/images/${root.dataset.sha256}/heatmap`;
      words.textContent = "";
    } catch (problem) {
      words.textContent = problem.message;
    }
  }

  async function update() {
    show();
    if ((pinned || pointed) && !picture.hasAttribute("src")) {
      loading ??= load().finally(() => (loading = null));
      await loading;
      show();
    }
  }

  const toggle = () => {
    pinned = !pinned;
    update();
  };
  const point = (on) => {
    clearTimeout(timer);
    pointed = on;
    if (on) timer = setTimeout(update, LINGER_MS);
    else show();
  };

  button.addEventListener("click", toggle);
  opacity.addEventListener("input", () => (picture.style.opacity = String(opacity.value / 100)));
  stage.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && point(true));
  stage.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && point(false));
  stage.addEventListener("click", (event) => event.pointerType !== "mouse" && toggle());
  return { toggle };
}
