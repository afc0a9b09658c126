// The history as it happens: one stream tells every row that changes, and new scans, whoever began them.
import { part } from "./dom.js";
import { fill, rowOf } from "./row.js";

const list = document.getElementById("rows");
const first = "first" in list.dataset;
// A page that nobody looks at for a day should not grow for ever.
const MOST = 200;

function place(scan) {
  const known = part(list, "scan", scan.id);
  if (known) {
    fill(known, scan);
    return;
  }
  if (!first) return;
  const at = Date.parse(scan.created_at);
  const after = [...list.children].find((row) => Date.parse(row.dataset.at) < at);
  // Older than the last row of the page: it belongs to the next one.
  if (!after && list.children.length) return;
  list.insertBefore(rowOf(scan), after ?? null);
  if (list.children.length > MOST) list.lastElementChild.remove();
  document.getElementById("no-rows")?.remove();
  document.getElementById("select-page").disabled = false;
  document.getElementById("delete-all").disabled = false;
}

const source = new EventSource(list.dataset.live);
source.addEventListener("scan", (event) => place(JSON.parse(event.data)));
window.addEventListener("pagehide", () => source.close());
// No small copies are kept, or they are gone: their places stay empty.
list.addEventListener("error", (event) => event.target.matches?.("img") && event.target.closest("li").remove(), true);
