// "Scan as I see it": sends the images that this browser shows in a tab to the service, after the person has seen a summary and agreed.
// It is meant for pages behind a login or on an intranet, which the service cannot open itself.
import * as api from "../core/api.js";
import { tab as tabOf } from "../core/browser.js";
import { collect, Nothing } from "./collect.js";
import { start } from "./begin.js";
import { withoutFragment } from "./jobs.js";

// What was collected for each tab and summarised to the person, until it is sent. If the browser stops the background before that, it
// collects again.
const ready = new Map();
// Captures in progress, by tab: the popup and the browser's answer to a permission question may both start one.
const captures = new Map();

/** The summary of what would be sent and what could not be collected: {images, screen, missing: [{what, count, names}], ask}. */
export async function look(tab) {
  const found = await collect(tab);
  if (!found.files.length && !found.ask.length && !found.missing.length) throw new Nothing("there is no image here");
  ready.set(tab, found);
  return { images: found.files.length, screen: found.screen, missing: counted(found.missing), ask: found.ask };
}

function counted(missing) {
  const kinds = new Map();
  for (const { what, name } of missing) {
    const kind = kinds.get(what) ?? { what, count: 0, names: [] };
    kinds.set(what, kind);
    kind.count += 1;
    if (name && !kind.names.includes(name)) kind.names.push(name);
  }
  return [...kinds.values()];
}

/** Sends the images and returns the job, with `ask: [origins]` if images of these origins still need a permission. Returns only {ask} if
 * nothing can be sent without that permission. */
export function capture(tab) {
  if (!captures.has(tab)) captures.set(tab, send(tab).finally(() => captures.delete(tab)));
  return captures.get(tab);
}

export const dropCapture = (tab) => ready.delete(tab);

async function send(tab) {
  const found = ready.get(tab);
  ready.delete(tab);
  const { page, files, seen, ask } = found && found.page === (await tabOf(tab))?.url ? found : await collect(tab);
  if (!files.length && ask.length) return { ask };
  if (!files.length) throw new Nothing("there is no image here whose bytes this browser gives");
  const { id } = await api.scanFiles(files);
  const job = await start(tab, { scan: id, target: withoutFragment(page), seen });
  return ask.length ? { ...job, ask } : job;
}
