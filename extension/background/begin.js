// Begins a scan for a tab, or finds the one that it has: this session's, then the service's memory of the address.
import * as api from "../core/api.js";
import { tab as tabOf } from "../core/browser.js";
import { settings } from "../core/settings.js";
import { jobOf, keep, withoutFragment } from "./jobs.js";
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

/** The popup was opened on this tab: its job (jobs.js). */
export async function open(tab) {
  if (beginning.has(tab)) return beginning.get(tab);
  const job = await jobOf(tab);
  if (job) return job;
  const shown = await tabOf(tab);
  if (!isWeb(shown?.url)) throw new NotAPage("only web pages can be checked");
  const earlier = await api.lookup(withoutFragment(shown.url));
  if (earlier && WORTH_SHOWING.includes(earlier.status)) {
    return start(tab, { scan: earlier.id, target: withoutFragment(shown.url), earlier: true });
  }
  return begin(tab);
}

/** A new scan of `target`, or of the tab's own page. */
export function begin(tab, target) {
  const asked = ask(tab, target).finally(() => beginning.delete(tab));
  beginning.set(tab, asked);
  return asked;
}

async function ask(tab, target) {
  const shown = await tabOf(tab);
  const wanted = target ?? withoutFragment(shown?.url);
  if (!isWeb(wanted)) throw new NotAPage("only web pages can be checked");
  const { id } = await api.scanAddress(wanted);
  return start(tab, { scan: id, target: wanted, earlier: false });
}

/** Ties a scan to what the tab shows now, and follows it. */
export async function start(tab, { scan, target, earlier, seen = null }) {
  const shown = await tabOf(tab);
  const job = { scan, target, earlier, seen, page: withoutFragment(shown?.url), status: "queued", medical: 0, marks: false };
  await keep(tab, job);
  watch(tab, job);
  if ((await settings()).marks) await mark(tab, true).catch(() => {}); // pages that take no marks are scanned all the same
  return (await jobOf(tab)) ?? job;
}
