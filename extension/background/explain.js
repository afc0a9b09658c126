// Answers a mark's requests about an image of the tab's own scan, and sends a correction. A page gets no other data.
import * as api from "../core/api.js";
import { markOf } from "../core/messages.js";
import { percent, whyOf } from "../core/words.js";
import { untilMade } from "../shared/until_made.js";
import { memberName, overruled } from "../shared/words.js";
import { jobOf } from "./jobs.js";

class NotHere extends Error {
  code = "not_found";
}

/** Refuses an image that is not in the scan of this tab: a page must not get data of other scans. */
async function held(tab, sha256) {
  const job = await jobOf(tab);
  const report = job?.marks ? await api.report(job.scan) : null;
  const found = report?.images.find((image) => image.sha256 === sha256);
  if (!found) throw new NotHere("this image is none of this page's");
  return found;
}

/** {mark, why, shares: [[modality, share, percent]], members: [[name, modality, share, percent]]}, likeliest first. Both lists are empty if
 * a person's label differs from the models' verdict. */
export async function explain(tab, sha256) {
  const image = await held(tab, sha256);
  const { verdict } = image;
  const [shares, members] = overruled(verdict) ? [{}, {}] : [verdict.probabilities, verdict.members];
  return {
    mark: markOf(image, []),
    why: whyOf(image),
    shares: likeliestFirst(shares),
    members: Object.entries(members).map(([name, probabilities]) => [memberName(name), ...likeliestFirst(probabilities)[0]]),
  };
}

const likeliestFirst = (probabilities) =>
  Object.entries(probabilities)
    .sort((a, b) => b[1] - a[1])
    .map(([modality, share]) => [modality, share, percent(share)]);

/** The heat map as a data: address. card.js draws it on a canvas, which the page's content policy cannot block. */
export async function heatmap(tab, sha256) {
  await held(tab, sha256);
  const blob = await untilMade(() => api.heatmap(sha256));
  return { type: blob.type, base64: await base64(blob) };
}

export async function correct(tab, sha256, modality) {
  const image = await held(tab, sha256);
  const kept = await api.correct(sha256, modality);
  return markOf({ ...image, verdict: kept.verdict }, []);
}

async function base64(blob) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}
