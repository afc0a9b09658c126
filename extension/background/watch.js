// Follows the running scans of all tabs and stores their state. For the scan of a page itself it also updates the badge and the marks.
import { stayAwake, tab as tabOf } from "../core/browser.js";
import { follow } from "../core/follow.js";
import { FINISHED, Progress } from "../core/progress.js";
import { settings } from "../core/settings.js";
import { paint } from "./badge.js";
import { allJobs, isFor, patch } from "./jobs.js";
import { answers } from "./marks.js";

// The browser stops a service worker after 30 idle seconds, and waiting for a stream counts as idle.
const AWAKE_MS = 20_000;
// Milliseconds over which verdicts are collected into one message: a message for each of 300 images would cost more than marking them.
const HAND_OVER_MS = 150;
const watching = new Map(); // key of a followed scan (keyOf) -> AbortController

// Of a tab's page only the newest scan is followed; scans of links are followed as well.
const keyOf = (tab, { link, scan }) => (link ? `${tab} ${scan}` : String(tab));

/** Follows until the scan ends or the tab shows something else. A new scan of a page replaces the one before. */
export async function watch(tab, job) {
  const key = keyOf(tab, job);
  watching.get(key)?.abort();
  const stop = new AbortController();
  watching.set(key, stop);
  const awake = setInterval(stayAwake, AWAKE_MS);
  try {
    await run(tab, job, stop);
  } catch (problem) {
    await patch(tab, job.scan, { status: "failed", error: problem.code });
    await show(tab, { ...job, status: "failed" });
  } finally {
    clearInterval(awake);
    if (watching.get(key) === stop) watching.delete(key);
  }
}

async function run(tab, job, stop) {
  const progress = new Progress();
  const { minSide } = await settings();
  let waiting = [];
  let timer = null;
  const handOver = async () => {
    timer = null;
    const images = waiting;
    waiting = [];
    await answers(tab, job.scan, images, false);
  };
  await show(tab, job);
  for await (const event of follow(job.scan, stop.signal)) {
    const shown = await tabOf(tab);
    if (!shown || !isFor(job, shown.url)) return; // the scan continues at the service; the popup finds it when it is opened on that page again
    waiting.push(...progress.take(event));
    if (waiting.length) timer ??= setTimeout(handOver, HAND_OVER_MS);
  }
  if (!progress.finished) return;
  clearTimeout(timer);
  const end = { status: progress.status, medical: progress.medical(minSide) };
  await patch(tab, job.scan, end);
  await show(tab, { ...job, ...end });
  await answers(tab, job.scan, [...progress.images.values()], true);
}

async function show(tab, job) {
  if (job.link) return;
  const shown = await tabOf(tab);
  if (shown && isFor(job, shown.url)) await paint(tab, job);
}

/** Resumes following the scans that were running when the browser stopped this background. */
export async function takeUp() {
  for (const [tab, job] of await allJobs()) {
    if (!FINISHED.includes(job.status) && !watching.has(keyOf(tab, job))) watch(tab, job);
  }
}
