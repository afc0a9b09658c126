// A line of the queue: cloned from the page's template, and what it shows of its scan.
import { part, setStatus, text } from "./dom.js";
import { renew } from "./live.js";

export const list = document.getElementById("jobs");
const template = document.getElementById("job");
const empty = document.getElementById("no-jobs");
export const OPEN = ["queued", "running"];
const AGAIN = ["failed", "cancelled"];
// What a retry sends: line -> { files, options }.
export const held = new WeakMap();

const counts = document.getElementById("queue-counts");

/** Updates the numbers of running and waiting scans, or the note that the queue is empty. Call it after every change of a line. */
export function look() {
  empty.hidden = list.children.length > 0;
  const n = (status) => list.querySelectorAll(`[data-state="${status}"]`).length;
  const [running, waiting] = [n("running"), n("queued")];
  counts.textContent = running + waiting ? text("text:queue_counts", { running, waiting }) : "";
}

export function line(job = template.content.firstElementChild.cloneNode(true)) {
  list.prepend(job);
  look();
  return job;
}

export function state(job, status, words) {
  job.dataset.state = status;
  setStatus(job.querySelector(".chip"), status);
  part(job, "says").textContent = words;
  part(job, "act", "cancel").hidden = !OPEN.includes(status);
  part(job, "act", "retry").hidden = !(AGAIN.includes(status) && (job.dataset.url || held.has(job)));
  look();
}

/** Updates a line from the one that the server rendered, which lacks the files for a retry of an upload. */
export function fill(job, fresh) {
  const name = job.querySelector(".job-name");
  name.href = fresh.querySelector(".job-name").href;
  part(job, "sent").hidden = true;
  renew(job, fresh);
  if (held.has(job)) part(job, "act", "retry").hidden = !AGAIN.includes(job.dataset.state);
  look();
}
