// What the review page shows: the image, its likeliest modalities, and the progress.
import { modalityName, part, text } from "./dom.js";

const AHEAD = 4; // thumbnails loaded before their turn
const page = document.getElementById("review");
const counted = Number(page.dataset.counted);
const ahead = new Map();

const thumbnailOf = (question) => `/api/images/${question.sha256}/thumbnail`;
const shown = (n) => (n >= counted ? text("text:review_many", { n: counted }) : String(n));

function prefetch(coming) {
  for (const question of coming.slice(0, AHEAD)) {
    if (ahead.has(question.sha256)) continue;
    const picture = new Image();
    picture.src = thumbnailOf(question);
    ahead.set(question.sha256, picture);
  }
}

function count({ waiting, today, sitting }) {
  part(page, "waiting-shown").textContent = shown(waiting);
  part(page, "today-shown").textContent = shown(today);
  part(page, "sitting").textContent = String(sitting);
  const progress = part(page, "progress");
  progress.max = Math.max(1, sitting + waiting);
  progress.value = sitting;
}

function prediction(name, modality) {
  const line = document.createElement("li");
  line.textContent = `${name}: ${modalityName(modality)}`;
  return line;
}

/** Shows the first image of `queue`, or that there is none. `undoable`: whether a label can be undone. */
export function show(queue, tally, undoable) {
  const [question, ...coming] = queue;
  part(page, "asked").hidden = !question;
  part(page, "done").hidden = Boolean(question);
  for (const undo of page.querySelectorAll('[data-act="undo"]')) undo.disabled = !undoable;
  count(tally);
  if (!question) return;
  const picture = part(page, "picture");
  picture.src = thumbnailOf(question);
  picture.alt = question.name;
  part(page, "picture-link").href = `/images/${question.sha256}`;
  part(page, "leans").textContent = question.headline;
  part(page, "why").textContent = question.why;
  part(page, "members").replaceChildren(...Object.entries(question.members).map(([name, modality]) => prediction(name, modality)));
  const link = part(page, "scan");
  link.textContent = question.name;
  link.href = question.scan ? `/scans/${question.scan}` : `/images/${question.sha256}`;
  prefetch(coming);
}
