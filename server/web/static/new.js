// The form that starts scans: one address per line, and files and folders that are chosen or dropped. A single scan is opened at once.
import { text } from "./dom.js";
import { dropped, sorted } from "./folders.js";
import { address, upload } from "./jobs.js";
import { bind } from "./keys.js";

const form = document.getElementById("start");
const box = document.getElementById("addresses");
const state = document.getElementById("start-state");
// Names that a notice lists; the others are counted.
const NAMED = 5;
const options = () => ({ no_cache: form.elements.no_cache.checked });

function notice(words, lines = []) {
  state.hidden = !words;
  state.querySelector("p").textContent = words;
  state.querySelector("ul").replaceChildren(
    ...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }),
  );
}

function few(names) {
  const shown = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? text("text:left_out_more", { names: shown, n: names.length - NAMED }) : shown;
}

async function addresses(urls) {
  const wanted = [...new Set(urls.map((url) => url.trim()).filter(Boolean))];
  if (!wanted.length) return notice(text("text:nothing_given"));
  notice("");
  const refused = [];
  const ids = await Promise.all(
    wanted.map((url) =>
      address(url, options()).catch((problem) => {
        refused.push({ url, why: problem.message, code: problem.code });
        return null;
      }),
    ),
  );
  box.value = wanted.filter((url) => refused.some((one) => one.url === url)).join("\n");
  if (refused.length) {
    // If the service or the session is gone, the addresses are not the cause.
    if (refused.every(({ code }) => ["offline", "unauthorized"].includes(code))) return notice(refused[0].why);
    const lines = refused.map(({ url, why }) => text("text:refused_line", { line: url, why }));
    return notice(text("text:refused"), lines);
  }
  return wanted.length === 1 ? location.assign(`/scans/${ids[0]}`) : undefined;
}

async function files(given) {
  const [maxFiles, maxBytes, headBytes, maxHeads] = ["maxFiles", "maxBytes", "headBytes", "maxHeads"].map((name) => Number(form.dataset[name]));
  const limits = { maxFiles, maxBytes, headBytes, maxHeads, apart: form.elements.apart.checked };
  let found;
  try {
    found = await sorted(given, limits);
  } catch (problem) {
    return notice(problem.message);
  }
  const { uploads, unknown, large } = found;
  const left = [];
  if (unknown.length) left.push(text("text:left_out", { names: few(unknown) }));
  if (large.length) left.push(text("text:left_out_large", { names: few(large) }));
  notice(uploads.length ? (left.shift() ?? "") : text("text:no_files"), left);
  const ids = await Promise.all(uploads.map((one) => upload(one, options())));
  const alone = uploads.length === 1 && !unknown.length && !large.length && ids[0];
  return alone ? location.assign(`/scans/${ids[0]}`) : undefined;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  addresses(box.value.split("\n"));
});
box.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
for (const id of ["files", "folder"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    const given = [...input.files];
    input.value = ""; // the same files may be chosen again
    if (given.length) files(given);
  });
}

// Files may be dropped anywhere on the page. `dragleave` fires for every element that is crossed, so the events are counted.
let over = 0;
const mark = (by) => {
  over = by ? Math.max(0, over + by) : 0;
  form.classList.toggle("over", over > 0);
};
document.addEventListener("dragenter", () => mark(1));
document.addEventListener("dragleave", () => mark(-1));
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", async (event) => {
  mark(0);
  if (event.target === box && !event.dataTransfer.files.length) return; // text dropped into the box is text
  event.preventDefault();
  const links = event.dataTransfer.getData("text/uri-list");
  const found = await dropped(event.dataTransfer);
  if (found.length) files(found);
  else if (links) addresses(links.split("\n").filter((line) => !line.startsWith("#")));
});
bind("p", text("text:key_paste"), () => box.focus());
