// Which scans belong to which tab: the page's own, and those of links and images on it. A job: {scan, page, target, link, status, medical,
// earlier, marks, seen}; `link`: it is about something else than the page. Jobs end with the tab, and with the page on which they were
// asked for. They are kept by settings.js, because the browser may stop this background at any moment.
import { tab as tabOf } from "../core/browser.js";
import { changeJobs, jobs } from "../core/settings.js";

const MAX_LINKS = 6; // as many names as the popup shows in two rows; older scans stay in the dashboard
const NONE = Object.freeze({ own: null, links: [], news: null, problem: null });

export const withoutFragment = (url) => (url ?? "").split("#", 1)[0];

/** A page whose address we may not see any more is another one: the grant for it ended with it. */
export const isFor = (job, url) => url !== undefined && withoutFragment(url) === job.page;

/** {own, links, news, problem} for the page that the tab shows now. `links`: the newest first. `news`: the scan of a link that nobody has
 * seen at its end. `problem`: why the last link could not be scanned. */
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

/** Changes the tab's row; a row of an earlier page is begun anew. */
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

/** Changes something of the row, if there is one. */
const edit = (tab, how) => changeJobs((all) => void (all[tab] && how(all[tab])));

/** The popup has shown this link's scan at its end. */
export const noticed = (tab, scan) => edit(tab, (row) => void (row.news = row.news === scan ? null : row.news));

/** The problem of the last link, once. */
export async function takeProblem(tab) {
  const { problem } = await scansOf(tab);
  if (problem) await edit(tab, (row) => void (row.problem = null));
  return problem;
}

export const forget = (tab) => changeJobs((all) => void delete all[tab]);

/** Changes the job as long as the tab still has this scan: late answers find nothing to change. */
export const patch = (tab, scan, part) =>
  edit(tab, ({ own, links }) => {
    for (const job of [own, ...links]) if (job?.scan === scan) Object.assign(job, part);
  });

/** [[tab, job]] of all tabs. */
export const allJobs = async () =>
  Object.entries(await jobs()).flatMap(([tab, { own, links }]) => [own, ...links].filter(Boolean).map((job) => [Number(tab), job]));
