// A person's word on images: one by one to the service, all of them at once on the page, and the way back.
import { correct, takeBack } from "./api.js";
import { modalityName, text } from "./dom.js";
import { toast } from "./toast.js";

// Each correction counts the scans anew that show the image; more at once would only wait for each other.
const AT_ONCE = 4;
let last = [];

async function each(images, ask, told) {
  const left = [...images];
  const done = [];
  let why = "";
  const work = async () => {
    for (let sha256 = left.pop(); sha256; sha256 = left.pop()) {
      try {
        const { verdict } = await ask(sha256);
        done.push(sha256);
        told(sha256, verdict);
      } catch (problem) {
        why = problem.message;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { done, why };
}

/** Says of each of `images` that it is `modality`; `told(sha256, verdict)` hears of each that was kept. */
export async function sayOf(images, modality, told) {
  const { done, why } = await each(images, (sha256) => correct(sha256, modality), told);
  if (done.length) last = done;
  const name = modalityName(modality);
  const words = why
    ? text("text:kept_some", { n: done.length, m: images.length, why })
    : text(images.length === 1 ? "text:kept_one" : "text:kept_many", { n: images.length, name });
  toast(words, { action: done.length ? { label: text("text:undo"), act: () => takeBackLast(told) } : null, seconds: 10 });
}

/** Takes back what was said last on this page, or of `images`; false when there is nothing to take back. */
export async function takeBackLast(told, images = last) {
  if (!images.length) return false;
  const { done, why } = await each(images, takeBack, told);
  last = [];
  toast(why && !done.length ? why : text("text:taken_back"));
  return true;
}
