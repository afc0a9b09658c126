// "Scan as I see it": shows what would be sent and what could not be collected, and sends it once the person agrees. The same click requests
// the permissions for it; the browser's question may close the popup.
import * as browser from "../core/browser.js";
import { counted, text } from "../core/words.js";

const part = (id) => document.getElementById(id);
const on = (id, run) => part(id).addEventListener("click", run);
const MAX_NAMES = 3; // hosts or files listed after a count

/** Returns a function to call when the popup is opened: it shows the outcome of a permission question that had closed the popup. */
export function wireAsSeen({ state, view, say, show, trouble, failed }, tried) {
  let origins = [];
  const hosts = () => origins.map((origin) => new URL(origin).host).join(", ");
  const tell = (words, found = null) => {
    part("see-text").textContent = words.filter(Boolean).join(" ");
    part("see-found").textContent = found ? taken(found) : "";
    part("see-missing").replaceChildren(...(found?.missing ?? []).map(missingRow));
    part("see-missing-title").hidden = !found?.missing.length;
    part("seen").hidden = false;
    part("see-yes").focus();
  };
  const ask = (found) => tell([text("see_text", [state.config.address]), origins.length && text("see_ask", [hosts()])], found);
  const denied = () => tell([text("see_denied"), origins.length && text("see_denied_hosts", [hosts()]), text("see_again")]);
  const recall = async () => {
    const left = await say({ type: "question", tab: state.tab });
    if (!left) return;
    origins = left.origins;
    if (left.problem) failed(left.problem);
    else (left.denied ? denied : ask)();
  };
  on("see", tried(async () => {
    trouble.clear();
    part("seen").hidden = true;
    view.say(text("see_looking"));
    part("see-looking").hidden = false;
    try {
      const found = await say({ type: "look", tab: state.tab });
      origins = [];
      ask(found);
    } finally {
      part("see-looking").hidden = true;
    }
  }));
  on("see-no", () => (part("seen").hidden = true));
  on("see-yes", tried(async () => {
    const kept = say({ type: "asking", tab: state.tab, origins }); // not awaited: permissions.request must be called within the click
    const allowed = await (origins.length ? browser.askToReach(origins) : browser.askToSendContent());
    await kept;
    if (!allowed) return recall();
    part("seen").hidden = true;
    trouble.clear();
    const job = await say({ type: "see", tab: state.tab });
    const first = !origins.length;
    origins = job.ask && first ? job.ask : [];
    if (origins.length) ask();
    if (job.scan) await show(job);
  }));
  return recall;
}

const taken = ({ images, screen }) => [counted("n_taken", images), screen && counted("n_from_screen", screen)].filter(Boolean).join(" · ");

function missingRow({ what, count, names }) {
  const more = names.length > MAX_NAMES ? ", …" : "";
  const name = names.length ? ` (${names.slice(0, MAX_NAMES).join(", ")}${more})` : "";
  return Object.assign(document.createElement("li"), { textContent: counted(`missing_${what}`, count) + name });
}
