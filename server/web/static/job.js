// A line of the queue: made from the page's mould, and what it says of its scan. Knows no request.
import { kindName, part, setStatus } from "./dom.js";
import { nameOf, says } from "./row.js";

export const list = document.getElementById("jobs");
const template = document.getElementById("job");
const empty = document.getElementById("no-jobs");
export const OPEN = ["queued", "running"];
const AGAIN = ["failed", "cancelled"];
// What this page still holds for a retry: line -> { files, options }.
export const held = new WeakMap();

export const look = () => (empty.hidden = list.children.length > 0);

export function line() {
  const job = template.content.firstElementChild.cloneNode(true);
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
}

export function fill(job, scan) {
  job.dataset.scan = scan.id;
  job.dataset.url = scan.url ?? "";
  const name = part(job, "name");
  name.textContent = nameOf(scan);
  name.href = `/scans/${scan.id}`;
  part(job, "kind").textContent = kindName(scan.source.kind);
  part(job, "sent").hidden = true;
  state(job, scan.status, scan.error?.message || says(scan));
}
