// Settings and health: chooses the language for this browser, shows what a clean-up would delete, and deletes it.
import { cleanUp } from "./api.js";
import { part, text } from "./dom.js";

const place = document.getElementById("clean");
const look = part(place, "act", "look");
const sweep = part(place, "act", "sweep");
const YEAR_S = 365 * 24 * 3600;
const UNITS = ["B", "kB", "MB", "GB", "TB"];

function size(bytes) {
  const step = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const digits = step ? 1 : 0;
  const shown = (bytes / 1000 ** step).toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${shown} ${UNITS[step]}`;
}

function lines(found) {
  const bytes = { thumbnails: found.thumbnail_bytes, heatmaps: found.heatmap_bytes };
  return ["scans", "events", "thumbnails", "heatmaps", "images"]
    .filter((name) => found[name])
    .map((name) => text(`text:clean_${name}`, { n: found[name].toLocaleString(document.documentElement.lang), size: size(bytes[name] ?? 0) }));
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

document.getElementById("language-choice").addEventListener("change", (event) => {
  const { value } = event.target;
  document.cookie = `medlens_language=${value}; path=/; max-age=${value ? YEAR_S : 0}; SameSite=Strict`;
  location.reload();
});
look.addEventListener("click", () => act(look, cleanUp.show, []));
sweep.addEventListener("click", () => act(sweep, cleanUp.run, [text("text:clean_done")]));
