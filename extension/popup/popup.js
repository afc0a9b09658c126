// The popup: requests the scan of the tab on which it was opened, and shows it while it runs. It can be closed and opened at any moment:
// the scan continues without it, and each time the popup reads the state from the service.
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
let asked = ["open"]; // the request that "Try again" repeats

/** Sends a message to the background and returns the answer; throws the answer's problem as a Problem. */
async function say(message) {
  const { ok, problem } = (await browser.send(message)) ?? {};
  if (problem) throw new api.Problem(problem.code, problem.detail, problem.status);
  return ok;
}

/** Requests a job with a message of this type, and shows it. */
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

/** Shows another scan of this tab; null: that of the page, which has none yet and gets one. */
async function choose(job) {
  if (state.job?.link) await say({ type: "noticed", tab: state.tab, scan: state.job.scan });
  trouble.clear();
  await (job ? show(job) : begin("own"));
}

/** Reads which scans the tab has. */
async function count() {
  const all = await say({ type: "scans", tab: state.tab });
  state.own = all.own;
  scans.take(all);
}

/** Shows this job instead of the previous one, and follows it to its end. */
async function show(job) {
  following.abort();
  following = new AbortController();
  const { signal } = following;
  Object.assign(state, { job, progress: new Progress() });
  gallery.clear();
  await count();
  if (signal.aborted) return;
  view.draw();
  const release = browser.hold(); // keeps the background running, which updates badge and marks
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
    await say({ type: "ended" }); // wakes the background, which the browser may have stopped just before
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
