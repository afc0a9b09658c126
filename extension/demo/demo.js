// The popup's example, which needs no service: drawn images with the verdicts of the shipped models, played back as the events of a scan.
import { fromBase64 } from "../core/bytes.js";
import { text } from "../core/words.js";
import { Progress } from "../core/progress.js";
import { DEFAULTS } from "../core/settings.js";
import * as browser from "../core/browser.js";
import { Gallery } from "../popup/gallery.js";
import { View } from "../popup/view.js";
import { DRAWINGS, FOUND, VERDICTS } from "./sample.js";

const STEP_MS = 250; // between two images; about the speed of a laptop
const HIDDEN = ["again", "cancel"]; // these need a service, as does the whole footer
const part = (id) => document.getElementById(id);
const pause = () => new Promise((resolve) => setTimeout(resolve, STEP_MS));

const drawing = async (sha256) => new Blob([fromBase64(DRAWINGS[sha256])], { type: "image/webp" });

function* events() {
  yield { kind: "status", data: { status: "running" } };
  yield { kind: "found", data: { found: FOUND, title: text("demo_title") } };
  for (const data of VERDICTS) yield { kind: "verdict", data };
  const source = { kind: "page", title: text("demo_title"), target: "" };
  yield { kind: "report", data: { status: "done", source, error: null, created_at: new Date().toISOString(), images: VERDICTS } };
}

async function start() {
  const job = { scan: "", target: text("demo_title"), link: false, earlier: false, marks: false };
  const state = { tab: null, job, own: job, progress: new Progress(), config: { ...DEFAULTS } };
  const [view, gallery] = [new View(state), new Gallery(state, drawing)];
  part("demo").hidden = false;
  document.querySelector("footer").hidden = true;
  part("settings").addEventListener("click", browser.openOptions);
  part("demo-connect").addEventListener("click", browser.openOptions);
  for (const event of events()) {
    gallery.take(state.progress.take(event), event.kind === "report");
    view.draw();
    for (const id of HIDDEN) part(id).hidden = true;
    for (const link of part("gallery").querySelectorAll("a")) link.removeAttribute("href");
    await pause();
  }
}

await start();
