// Which scan belongs to which tab. A job: {scan, page, target, status, medical, earlier, marks, seen}; it ends with the tab, and does
// not speak for another page that the tab has gone to. Kept by settings.js, so that it outlives this background.
import { tab as tabOf } from "../core/browser.js";
import { changeJobs, jobs } from "../core/settings.js";

export const withoutFragment = (url) => (url ?? "").split("#", 1)[0];

/** The tab's job, or null when it has none or shows another page by now. */
export async function jobOf(tab) {
  const [job, shown] = [(await jobs())[tab], await tabOf(tab)];
  return job && shown && isFor(job, shown.url) ? job : null;
}

/** A page whose address we may not see any more is another one: the grant for it ended with it. */
export const isFor = (job, url) => url !== undefined && withoutFragment(url) === job.page;

export const keep = (tab, job) => changeJobs((all) => void (all[tab] = job));
export const forget = (tab) => changeJobs((all) => void delete all[tab]);

/** Changes the job as long as it is still about this scan: late answers find nothing to change. */
export const patch = (tab, scan, part) =>
  changeJobs((all) => {
    if (all[tab]?.scan === scan) Object.assign(all[tab], part);
  });

/** [[tab, job]] of all tabs. */
export const allJobs = async () => Object.entries(await jobs()).map(([tab, job]) => [Number(tab), job]);
