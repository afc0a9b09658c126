// Marks on the page of a tab: injects the content scripts, sends them verdicts, removes the marks.
import * as api from "../core/api.js";
import { inject, sendToTab } from "../core/browser.js";
import { markOf } from "../core/messages.js";
import { FINISHED } from "../core/progress.js";
import { settings } from "../core/settings.js";
import { jobOf, patch } from "./jobs.js";

const SCRIPTS = ["content_api", "modalities", "image_addresses", "element_observer", "overlay_css", "label", "card", "marks"];
const FILES = SCRIPTS.map((name) => `content/${name}.js`);

class NoMarksHere extends Error {
  code = "no_marks_here";
}

/** Switches marks on or off for the page that the tab shows; returns whether they are on. */
export async function mark(tab, on) {
  const job = await jobOf(tab);
  if (!job) throw new NoMarksHere("nothing is scanned here");
  if (on) {
    try {
      await inject(tab, FILES);
    } catch {
      throw new NoMarksHere("the browser does not let extensions into this page");
    }
  }
  await patch(tab, job.scan, { marks: on });
  if (!on) await sendToTab(tab, { type: "off" }).catch(() => {});
  else {
    const { images, status } = await api.report(job.scan);
    await answers(tab, job.scan, images, FINISHED.includes(status));
  }
  return on;
}

/** Records that the content script removed the marks: Escape was pressed twice, or the page was left. */
export async function unmarked(tab) {
  const job = await jobOf(tab);
  if (job) await patch(tab, job.scan, { marks: false });
}

/** Sends verdicts to the tab's page, if it is still the page of this scan and marks are on. `last`: these are the last ones. */
export async function answers(tab, scan, images, last) {
  const job = await jobOf(tab);
  if (!job?.marks || job.scan !== scan) return;
  const { minSide } = await settings();
  const marks = images
    .filter((image) => image.verdict.is_medical && Math.min(image.width, image.height) >= minSide)
    .map((image) => markOf(image, addresses(image, job.seen)));
  await sendToTab(tab, { type: "answers", marks, last }).catch(() => {}); // the page was left in the meantime
}

/** The addresses of the image. The service has none for images that this browser sent; those are in `seen`. */
const addresses = (image, seen) => seen?.[image.sha256] ?? image.places.map((place) => place.url).filter(Boolean);
