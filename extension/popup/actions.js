// The popup's buttons. Each says one thing to the background or the service and shows what came of it.
import * as api from "../core/api.js";
import * as browser from "../core/browser.js";
import { text } from "../core/words.js";

const part = (id) => document.getElementById(id);
const on = (id, run) => part(id).addEventListener("click", run);

/** `popup`: {state, view, trouble, say, begin, show, failed}. Gives what to call once the tab is known. */
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
  on("again", () => begin("again", { scan: state.job.scan }));
  on("cancel", tried(() => say({ type: "cancel", tab: state.tab, scan: state.job.scan })));
  on("copy-command", () => copy("make serve", view));
  on("copy", () => state.job && copy(`${state.config.address}/scans/${state.job.scan}`, view));
  on("json", tried(async () => save(new Blob([JSON.stringify(await api.report(state.job.scan), null, 2)], { type: "application/json" }), "medlens.json")));
  on("csv", tried(async () => save(await api.csv(state.job.scan), "medlens.csv")));
  part("mark").addEventListener("change", ({ target }) => mark(target, popup));
  const recall = wireSeen(popup, tried);
  part("more").addEventListener("click", ({ target }) => target.closest(".menu button") && (part("more").open = false));
  part("more").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !part("more").open) return;
    event.preventDefault(); // the menu closes, the popup stays
    part("more").open = false;
    part("more").firstElementChild.focus();
  });
  return tried(recall);
}

/** Hands the file to the browser's own downloads, which needs no permission. */
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

/**
 * "Scan as I see it": first says what would be sent, then asks the browser, in the same click, for what that needs. That question may
 * close the popup; gives what to call when it is open again, which tells how it ended.
 */
function wireSeen({ state, say, show, trouble, failed }, tried) {
  let origins = [];
  const hosts = () => origins.map((origin) => new URL(origin).host).join(", ");
  const tell = (...words) => {
    part("see-text").textContent = words.filter(Boolean).join(" ");
    part("seen").hidden = false;
    part("see-yes").focus();
  };
  const ask = () => tell(text("see_text", [state.config.address]), origins.length && text("see_ask", [hosts()]));
  const denied = () => tell(text("see_denied"), origins.length ? text("see_denied_hosts", [hosts()]) : "", text("see_again"));
  const recall = async () => {
    const left = await say({ type: "question", tab: state.tab });
    if (!left) return;
    origins = left.origins;
    if (left.problem) failed(left.problem);
    else (left.denied ? denied : ask)();
  };
  on("see", ask);
  on("see-no", () => (part("seen").hidden = true));
  on("see-yes", tried(async () => {
    const kept = say({ type: "asking", tab: state.tab, origins }); // not awaited: the click would be over
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
