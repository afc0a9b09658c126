// The popup: asks for the scan of the tab it was opened on and shows it while it runs. It may be closed and opened at any moment:
// the scan goes on without it, and what it shows is made anew from the service each time.
import * as api from "../core/api.js";
import * as browser from "../core/browser.js";
import { follow } from "../core/follow.js";
import { Progress } from "../core/progress.js";
import { settings } from "../core/settings.js";
import { text } from "../core/words.js";
import { Gallery } from "./gallery.js";
import { wire } from "./actions.js";
import { Trouble } from "./trouble.js";
import { View } from "./view.js";

const RETRY_MS = 2500;
const asked = new URL(location).searchParams.get("tab");

const state = { tab: null, job: null, progress: new Progress(), config: null };
const view = new View(state);
const gallery = new Gallery(state);
const trouble = new Trouble(() => begin("open"));
let following = new AbortController();

/** Says it to the background; throws a Problem of its answer. */
async function say(message) {
  const { ok, problem } = (await browser.send(message)) ?? {};
  if (problem) throw new api.Problem(problem.code, problem.detail, problem.status);
  return ok;
}

async function begin(type) {
  trouble.clear();
  view.waiting();
  try {
    await show(await say({ type, tab: state.tab }));
  } catch (problem) {
    failed(problem);
  }
}

/** Follows this job to its end; whatever was shown before is gone. */
async function show(job) {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  Object.assign(state, { job, progress: new Progress() });
  gallery.clear();
  view.draw();
  const release = browser.hold(); // the badge and the marks are the background's, and it may be stopped
  try {
    for await (const event of follow(job.scan, signal)) {
      if (signal.aborted) return;
      if (event.kind === "trouble") {
        trouble.show(event.data, { retries: true });
        continue;
      }
      trouble.clear();
      gallery.take(state.progress.take(event), event.kind === "report");
      view.draw();
    }
    await say({ type: "ended" }); // the background may have been stopped just before
  } catch (problem) {
    if (!signal.aborted) failed(problem);
  } finally {
    release();
  }
}

function failed(problem) {
  view.stopped();
  trouble.show(problem);
  if (problem.code === "offline" || problem.code === "slow") setTimeout(() => trouble.shown && begin("open"), RETRY_MS);
}

async function start() {
  const [config, tab] = await Promise.all([settings(), asked ? browser.tab(Number(asked)) : browser.tabInFront()]);
  Object.assign(state, { config, tab: tab?.id ?? null });
  const recall = wire({ state, view, trouble, say, begin, show, failed });
  if (state.tab === null) failed(new api.Problem("not_a_page", text("problem_not_a_page")));
  else await Promise.all([begin("open"), recall()]);
}

await start();
