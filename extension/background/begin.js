// Starts a scan for a tab, or finds an existing one: first this session's scan, then the service's last Report of the address.
import * as api from "../core/api.js";
import { tab as tabOf } from "../core/browser.js";
import { settings } from "../core/settings.js";
import { jobOf, jobOfScan, keep, keepProblem, scansOf, takeProblem, withoutFragment } from "./jobs.js";
import { mark } from "./marks.js";
import { watch } from "./watch.js";

// A failed or cancelled scan has no useful Report, so a new scan is started instead of showing it.
const WORTH_SHOWING = ["done", "partial", "running", "queued"];

export const isWeb = (url) => /^https?:/i.test(url ?? "");

class NotAPage extends Error {
  code = "not_a_page";
}

// Tabs whose scan is being requested: a popup that opens in the meantime waits for this request and sends no second one.
const beginning = new Map();

/** The job that the popup shows first when it is opened on this tab: a link's scan that was not yet shown as finished, else the page's. */
export async function open(tab) {
  if (beginning.has(tab)) return beginning.get(tab).finally(() => takeProblem(tab));
  const problem = await takeProblem(tab);
  if (problem) throw Object.assign(new Error(problem.detail), problem);
  const { own, links, news } = await scansOf(tab);
  return links.find(({ scan }) => scan === news) ?? own ?? links[0] ?? ownPage(tab);
}

/** The job of the tab's own page: the current one, one made from an earlier Report, or a new one. */
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

/** Starts a new scan of the same target as this scan of the tab. */
export async function again(tab, scan) {
  return begin(tab, (await jobOfScan(tab, scan))?.target);
}

/** Starts a new scan of `target`, by default of the tab's own page. */
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

/** Assigns a scan to the page that the tab shows now, and follows it. */
export async function start(tab, { scan, target, link = false, earlier = false, seen = null }) {
  const shown = await tabOf(tab);
  const job = { scan, target, link, earlier, seen, page: withoutFragment(shown?.url), status: "queued", medical: 0, marks: false };
  await keep(tab, job);
  watch(tab, job);
  if (!link && (await settings()).marks) await mark(tab, true).catch(() => {}); // a page that allows no marks is scanned too
  return (await jobOfScan(tab, scan)) ?? job;
}
