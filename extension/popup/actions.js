// The popup's buttons. Each sends one request to the background or the service and shows the result.
import * as api from "../core/api.js";
import * as browser from "../core/browser.js";
import { text } from "../core/words.js";
import { wireAsSeen } from "./as_seen.js";

const part = (id) => document.getElementById(id);
const on = (id, run) => part(id).addEventListener("click", run);

/** `popup`: {state, view, trouble, say, begin, show, failed}. Returns a function to call once the tab is known. */
export function wire(popup) {
  const { state, view, say, begin, failed } = popup;
  const tried = (run) => async (event) => {
    try {
      await run(event);
    } catch (problem) {
      failed(problem);
    }
  };

  on("settings", browser.openOptions);
  on("connect", browser.openOptions);
  on("example", () => browser.openTab(browser.page("popup/popup.html?demo")));
  on("again", () => begin("again", { scan: state.job.scan }));
  on("cancel", tried(() => say({ type: "cancel", tab: state.tab, scan: state.job.scan })));
  on("copy-command", () => copy("make serve", view));
  on("copy", () => state.job && copy(`${state.config.address}/scans/${state.job.scan}`, view));
  on("json", tried(async () => save(new Blob([JSON.stringify(await api.report(state.job.scan), null, 2)], { type: "application/json" }), "medlens.json")));
  on("csv", tried(async () => save(await api.csv(state.job.scan), "medlens.csv")));
  part("mark").addEventListener("change", ({ target }) => mark(target, popup));
  const recall = wireAsSeen(popup, tried);
  part("more").addEventListener("click", ({ target }) => target.closest(".menu button") && (part("more").open = false));
  part("more").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !part("more").open) return;
    event.preventDefault(); // close the menu, not the popup
    part("more").open = false;
    part("more").firstElementChild.focus();
  });
  return tried(recall);
}

/** Saves the file through a link with `download`, which needs no permission. */
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function copy(words, view) {
  await navigator.clipboard.writeText(words);
  view.say(text("copied"));
}

async function mark(box, { state, view, say, trouble }) {
  const on = box.checked;
  try {
    state.job.marks = await say({ type: "mark", tab: state.tab, on });
  } catch (problem) {
    box.checked = !on;
    trouble.show(problem);
    view.say(text("problem_no_marks_here"));
  }
}
