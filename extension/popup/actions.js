// The popup's buttons. Each says one thing to the background or the service and shows what came of it.
import * as api from "../core/api.js";
import * as browser from "../core/browser.js";
import { text } from "../core/words.js";
import { csvOf, save } from "./export.js";

const part = (id) => document.getElementById(id);
const on = (id, run) => part(id).addEventListener("click", run);

/** `popup`: {state, view, trouble, say, begin, show, failed}. */
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
  on("again", () => begin("again"));
  on("cancel", tried(() => say({ type: "cancel", tab: state.tab, scan: state.job.scan })));
  on("copy-command", () => copy("make serve", view));
  on("copy", () => state.job && copy(`${state.config.address}/scans/${state.job.scan}`, view));
  on("json", tried(async () => save(JSON.stringify(await api.report(state.job.scan), null, 2), "application/json", "medlens.json")));
  on("csv", tried(async () => save(csvOf(await api.report(state.job.scan)), "text/csv", "medlens.csv")));
  part("mark").addEventListener("change", ({ target }) => mark(target, popup));
  wireSeen(popup, tried);
  part("more").addEventListener("click", ({ target }) => target.closest(".menu button") && (part("more").open = false));
  part("more").addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && part("more").open) event.preventDefault();
    if (key === "Escape") part("more").open = false;
  });
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

/** "Check as I see it": first says what would be sent, then asks the browser, in the same click, for what that needs. */
function wireSeen({ state, say, show, trouble }, tried) {
  let origins = [];
  const ask = () => {
    const words = origins.length ? text("see_ask", [origins.map((origin) => new URL(origin).host).join(", ")]) : "";
    part("see-text").textContent = [text("see_text", [state.config.address]), words].filter(Boolean).join(" ");
    part("seen").hidden = false;
    part("see-yes").focus();
  };
  on("see", ask);
  on("see-no", () => (part("seen").hidden = true));
  on("see-yes", tried(async () => {
    const asked = origins.length ? browser.askToReach(origins) : browser.askToSendContent();
    if (!(await asked)) return;
    part("seen").hidden = true;
    trouble.clear();
    const job = await say({ type: "see", tab: state.tab });
    const first = !origins.length;
    origins = job.ask && first ? job.ask : [];
    if (origins.length) ask();
    if (job.scan) await show(job);
  }));
}
