// Begins a scan for a tab, or finds the one that it has: this session's, then the service's last Report of the address.
import * as api from "../core/api.js";
import { tab as tabOf } from "../core/browser.js";
import { settings } from "../core/settings.js";
import { jobOf, jobOfScan, keep, keepProblem, scansOf, takeProblem, withoutFragment } from "./jobs.js";
import { mark } from "./marks.js";
import { watch } from "./watch.js";

// A scan that failed or was stopped says too little to be shown instead of a new one.
const WORTH_SHOWING = ["done", "partial", "running", "queued"];

export const isWeb = (url) => /^https?:/i.test(url ?? "");

class NotAPage extends Error {
  code = "not_a_page";
}

// Tabs whose scan was just asked for: a popup that opens meanwhile waits for it instead of asking for another.
const beginning = new Map();

/** The popup was opened on this tab: the job that it shows first. That is the page's, but for a link's that nobody has seen at its end. */
export async function open(tab) {
  if (beginning.has(tab)) return beginning.get(tab).finally(() => takeProblem(tab));
  const problem = await takeProblem(tab);
  if (problem) throw Object.assign(new Error(problem.detail), problem);
  const { own, links, news } = await scansOf(tab);
  return links.find(({ scan }) => scan === news) ?? own ?? links[0] ?? ownPage(tab);
}

/** The job of the tab's own page: the one that it has, that of an earlier Report, or a new one. */
export async function ownPage(tab) {
  const job = await jobOf(tab);
  if (job) return job;
  const shown = await tabOf(tab);
  if (!isWeb(shown?.url)) throw new NotAPage("only web pages can be scanned");
  const address = withoutFragment(shown.url);
  const earlier = await api.lookup(address);
  if (earlier && WORTH_SHOWING.includes(earlier.status)) return start(tab, { scan: earlier.id, target: address, earlier: true });
  return begin(tab);
}

/** A new scan of what this scan of the tab was about. */
export async function again(tab, scan) {
  return begin(tab, (await jobOfScan(tab, scan))?.target);
}

/** A new scan of `target`, or of the tab's own page. */
export function begin(tab, target) {
  const asked = ask(tab, target).finally(() => beginning.delete(tab));
  beginning.set(tab, asked);
  return asked;
}

async function ask(tab, target) {
  const page = withoutFragment((await tabOf(tab))?.url);
  const wanted = target ?? page;
  const link = withoutFragment(wanted) !== page;
  try {
    if (!isWeb(wanted)) throw new NotAPage("only web pages can be scanned");
    const { id } = await api.scanAddress(wanted);
    return await start(tab, { scan: id, target: wanted, link });
  } catch (problem) {
    const { code = "internal", message, status = 0 } = problem;
    if (link) await keepProblem(tab, page, { code, detail: message, status });
    throw problem;
  }
}

/** Ties a scan to what the tab shows now, and follows it. */
export async function start(tab, { scan, target, link = false, earlier = false, seen = null }) {
  const shown = await tabOf(tab);
  const job = { scan, target, link, earlier, seen, page: withoutFragment(shown?.url), status: "queued", medical: 0, marks: false };
  await keep(tab, job);
  watch(tab, job);
  if (!link && (await settings()).marks) await mark(tab, true).catch(() => {}); // pages that take no marks are scanned all the same
  return (await jobOfScan(tab, scan)) ?? job;
}
