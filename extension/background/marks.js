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
  await patch(tab, job.scan, { marks: on }); // first, so that `missed` finds it if the browser stops this background here
  if (!on) await sendToTab(tab, { type: "off" }).catch(() => {});
  else {
    try {
      await inject(tab, FILES);
    } catch {
      await patch(tab, job.scan, { marks: false });
      throw new NoMarksHere("the browser does not let extensions into this page");
    }
    await allAnswers(tab, job.scan);
  }
  return on;
}

/** Sends what may have been missed while this background was stopped; returns whether the page is still to be marked. */
export async function missed(tab) {
  const job = await jobOf(tab);
  if (!job?.marks) return false;
  await allAnswers(tab, job.scan);
  return true;
}

async function allAnswers(tab, scan) {
  const { images, status } = await api.report(scan);
  await answers(tab, scan, images, FINISHED.includes(status));
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
