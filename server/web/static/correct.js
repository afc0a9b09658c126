// Corrects images: sent to the service a few at a time, shown on the page as they are saved, and undone.
import { correct, undoCorrection } from "./api.js";
import { modalityName, text } from "./dom.js";
import { toast } from "./toast.js";

// Each correction recounts the scans that show the image; more at once would only wait for each other.
const AT_ONCE = 4;
let last = [];

async function each(images, ask, onCorrected) {
  const left = [...images];
  const done = [];
  let why = "";
  const work = async () => {
    for (let sha256 = left.pop(); sha256; sha256 = left.pop()) {
      try {
        const { verdict } = await ask(sha256);
        done.push(sha256);
        onCorrected(sha256, verdict);
      } catch (problem) {
        why = problem.message;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, why };
}

/** Labels each of `images` as `modality`; `onCorrected(sha256, verdict)` is called for each that was saved. */
export async function correctAll(images, modality, onCorrected) {
  const { done, why } = await each(images, (sha256) => correct(sha256, modality), onCorrected);
  if (done.length) last = done;
  const name = modalityName(modality);
  const words = why
    ? text("text:kept_some", { n: done.length, m: images.length, why })
    : text(images.length === 1 ? "text:kept_one" : "text:kept_many", { n: images.length, name });
  toast(words, { action: done.length ? { label: text("text:undo"), act: () => undoLast(onCorrected) } : null, seconds: 10 });
}

/** Undoes the last corrections of this page, or those of `images`; gives false if there is nothing to undo. */
export async function undoLast(onCorrected, images = last) {
  if (!images.length) return false;
  const { done, why } = await each(images, undoCorrection, onCorrected);
  last = [];
  toast(why && !done.length ? why : text("text:taken_back"));
  return true;
}
