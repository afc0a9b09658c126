// Settings and health: shows what a clean-up would delete, then deletes it.
import { cleanUp } from "./api.js";
import { part, text } from "./dom.js";

const place = document.getElementById("clean");
const look = part(place, "act", "look");
const sweep = part(place, "act", "sweep");
const UNITS = ["B", "kB", "MB", "GB", "TB"];

function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** step).toFixed(step ? 1 : 0)} ${UNITS[step]}`;
}

function lines(found) {
  const bytes = { thumbnails: found.thumbnail_bytes, heatmaps: found.heatmap_bytes };
  return ["scans", "events", "thumbnails", "heatmaps", "images"]
    .filter((name) => found[name])
    .map((name) => text(`text:clean_${name}`, { n: found[name].toLocaleString("en"), size: size(bytes[name] ?? 0) }));
}

function tell(words) {
  part(place, "found").replaceChildren(...words.map((word) => {
    const line = document.createElement("li");
    line.textContent = word;
    return line;
  }));
}

async function act(button, ask, done) {
  button.disabled = true;
  tell([text("text:clean_looking")]);
  try {
    const found = lines(await ask());
    tell(found.length ? [...done, ...found] : [text("text:clean_nothing")]);
    sweep.hidden = button === sweep || !found.length;
  } catch (problem) {
    tell([problem.message]);
  } finally {
    button.disabled = false;
  }
}

look.addEventListener("click", () => act(look, cleanUp.show, []));
sweep.addEventListener("click", () => act(sweep, cleanUp.run, [text("text:clean_done")]));
