// The scans of each tab: that of the page itself, and those of links and images on it. A job is {scan, page, target, link, status, medical,
// earlier, marks, seen}; `link`: the target is something other than the page. A tab's jobs are dropped when the tab is closed or shows
// another page. settings.js stores them, because the browser may stop this background at any moment.
import { tab as tabOf } from "../core/browser.js";
import { changeJobs, jobs } from "../core/settings.js";

const MAX_LINKS = 6; // the popup shows this many names in two rows; older scans are still in the dashboard
const NONE = Object.freeze({ own: null, links: [], news: null, problem: null });

export const withoutFragment = (url) => (url ?? "").split("#", 1)[0];

/** Whether the job belongs to the page with this address. If the address can no longer be read, the tab has left the page, since the
 * `activeTab` permission ends with it. */
export const isFor = (job, url) => url !== undefined && withoutFragment(url) === job.page;

/** {own, links, news, problem} for the page that the tab shows now. `links`: the newest first. `news`: the link's scan that the popup has
 * not yet shown as finished. `problem`: why the last link could not be scanned. */
export async function scansOf(tab) {
  const [row, shown] = [(await jobs())[tab], await tabOf(tab)];
  return row && shown && isFor(row, shown.url) ? row : NONE;
}

/** The page's own job, or null. */
export const jobOf = async (tab) => (await scansOf(tab)).own;

/** The tab's job of this scan, or null. */
export async function jobOfScan(tab, scan) {
  const { own, links } = await scansOf(tab);
  return [own, ...links].find((job) => job?.scan === scan) ?? null;
}

/** Changes the tab's row; a row of an earlier page is replaced by an empty one first. */
const change = (tab, page, edit) =>
  changeJobs((all) => {
    all[tab] = { ...NONE, ...(all[tab]?.page === page ? all[tab] : {}), page };
    edit(all[tab]);
  });

export const keep = (tab, job) =>
  change(tab, job.page, (row) => {
    if (!job.link) row.own = job;
    else {
      row.links = [job, ...row.links.filter(({ target }) => target !== job.target)].slice(0, MAX_LINKS);
      Object.assign(row, { news: job.scan, problem: null });
    }
  });

export const keepProblem = (tab, page, problem) => change(tab, page, (row) => void (row.problem = problem));

/** Applies `how` to the tab's row, if there is one. */
const edit = (tab, how) => changeJobs((all) => void (all[tab] && how(all[tab])));

/** Records that the popup has shown this link's scan as finished. */
export const noticed = (tab, scan) => edit(tab, (row) => void (row.news = row.news === scan ? null : row.news));

/** Returns the problem of the last link, and clears it. */
export async function takeProblem(tab) {
  const { problem } = await scansOf(tab);
  if (problem) await edit(tab, (row) => void (row.problem = null));
  return problem;
}

export const forget = (tab) => changeJobs((all) => void delete all[tab]);

/** Changes the job if the tab still has this scan; a late answer changes nothing. */
export const patch = (tab, scan, part) =>
  edit(tab, ({ own, links }) => {
    for (const job of [own, ...links]) if (job?.scan === scan) Object.assign(job, part);
  });

/** [[tab, job]] of all tabs. */
export const allJobs = async () =>
  Object.entries(await jobs()).flatMap(([tab, { own, links }]) => [own, ...links].filter(Boolean).map((job) => [Number(tab), job]));
