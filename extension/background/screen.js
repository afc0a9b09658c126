// Takes elements from the screen: a screenshot of the tab, cropped to each element. For drawings that scripts cannot read, such as WebGL's.
import { call, screenshot } from "../core/browser.js";
import { fromBase64 } from "../core/bytes.js";

const MOST = 12; // the browser allows two screenshots a second, and the person waits for them
const PAUSE_MS = 550;
const SAMPLE = 24; // pixels per side of the copy that is checked for a blank crop

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** `shots`: [{frame, id}]. Returns a PNG for each; null if it is out of sight or of one colour, undefined if it could not be taken. */
export async function fromScreen(tab, shots) {
  const taken = [];
  const ask = (frame, name, ...values) => call(tab, frame, "in_view", name, ...values).catch(() => false);
  try {
    for (const { frame, id } of shots.slice(0, MOST)) {
      const box = await ask(frame, "bring", id);
      if (taken.length) await pause();
      taken.push(box ? await crop(await screenshot(tab), box) : box === null ? null : undefined);
    }
  } finally {
    for (const frame of new Set(shots.map(({ frame }) => frame))) await ask(frame, "restore");
  }
  return shots.map((_, at) => taken[at]);
}

async function crop(picture, { x, y, width, height, window: [across] }) {
  if (!picture) return undefined;
  const bytes = fromBase64(picture.slice(picture.indexOf(",") + 1));
  const whole = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const scale = whole.width / across; // screen pixels per CSS pixel
  const canvas = new OffscreenCanvas(Math.round(width * scale), Math.round(height * scale));
  canvas.getContext("2d").drawImage(whole, -Math.round(x * scale), -Math.round(y * scale));
  return blank(canvas) ? null : canvas.convertToBlob({ type: "image/png" });
}

function blank(canvas) {
  const context = new OffscreenCanvas(SAMPLE, SAMPLE).getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, 0, 0, SAMPLE, SAMPLE);
  const pixels = new Uint32Array(context.getImageData(0, 0, SAMPLE, SAMPLE).data.buffer);
  return pixels.every((pixel) => pixel === pixels[0]);
}
