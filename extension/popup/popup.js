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
import { Scans } from "./scans.js";
import { Trouble } from "./trouble.js";
import { View } from "./view.js";

const RETRY_MS = 2500;
const about = new URL(location).searchParams.get("tab");

const state = { tab: null, job: null, own: null, progress: new Progress(), config: null };
const view = new View(state);
const gallery = new Gallery(state);
const trouble = new Trouble(() => begin(...asked));
const scans = new Scans(state, choose);
let following = new AbortController();
let asked = ["open"]; // what is tried again

/** Says it to the background; throws a Problem of its answer. */
async function say(message) {
  const { ok, problem } = (await browser.send(message)) ?? {};
  if (problem) throw new api.Problem(problem.code, problem.detail, problem.status);
  return ok;
}

/** `type`: the message that asks for a job. */
async function begin(type, more = {}) {
  asked = [type, more];
  trouble.clear();
  view.waiting();
  try {
    const job = await say({ type, tab: state.tab, ...more });
    asked = ["open"];
    await show(job);
  } catch (problem) {
    failed(problem);
  }
}

/** Another scan of this tab, beside the one that is shown; null: the page, which has none yet. */
async function choose(job) {
  if (state.job?.link) await say({ type: "noticed", tab: state.tab, scan: state.job.scan });
  trouble.clear();
  await (job ? show(job) : begin("own"));
}

/** Which scans the tab has. */
async function count() {
  const all = await say({ type: "scans", tab: state.tab });
  state.own = all.own;
  scans.take(all);
}

/** Follows this job to its end; whatever was shown before is gone. */
async function show(job) {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  Object.assign(state, { job, progress: new Progress() });
  gallery.clear();
  await count();
  if (signal.aborted) return;
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
      scans.draw();
    }
    if (signal.aborted) return;
    await say({ type: "ended" }); // the background may have been stopped just before
    if (job.link) await say({ type: "noticed", tab: state.tab, scan: job.scan });
  } catch (problem) {
    if (!signal.aborted) failed(problem);
  } finally {
    release();
  }
}

function failed(problem) {
  view.stopped();
  trouble.show(problem);
  if (problem.code === "offline" || problem.code === "slow") setTimeout(() => trouble.shown && begin(...asked), RETRY_MS);
}

async function start() {
  const [config, tab] = await Promise.all([settings(), about ? browser.tab(Number(about)) : browser.tabInFront()]);
  Object.assign(state, { config, tab: tab?.id ?? null });
  const recall = wire({ state, view, trouble, say, begin, show, failed });
  if (state.tab === null) failed(new api.Problem("not_a_page", text("problem_not_a_page")));
  else await Promise.all([begin("open"), recall()]);
}

await start();
