// The live history: rows that change, and new scans, whoever started them.
import { part } from "./dom.js";
import { follow, renew } from "./live.js";

const list = document.getElementById("rows");
const first = "first" in list.dataset;
const folded = "folded" in list.dataset;
// Bounds the rows of a page that stays open for days.
const MOST = 200;

/** In a folded list a newer scan of the same address takes the place of the row before. */
function fold(row) {
  for (const other of row.dataset.address ? [...list.children] : []) {
    if (other !== row && other.dataset.address === row.dataset.address && Date.parse(other.dataset.at) <= Date.parse(row.dataset.at)) other.remove();
  }
}

function place(row) {
  const known = part(list, "scan", row.dataset.scan);
  if (known) {
    renew(known, row);
    return;
  }
  if (!first) return;
  const at = Date.parse(row.dataset.at);
  const after = [...list.children].find((other) => Date.parse(other.dataset.at) < at);
  // Older than the last row of this page: it belongs to the next page, if there is one.
  if (!after && document.querySelector('[rel="next"]')) return;
  list.insertBefore(row, after ?? null);
  if (folded) fold(row);
  if (list.children.length > MOST) list.lastElementChild.remove();
  document.getElementById("no-rows")?.remove();
  document.getElementById("select-page").disabled = false;
  document.getElementById("delete-all").disabled = false;
}

/** Removes a scan that was deleted elsewhere or no longer matches the filters. An empty page is reloaded, since there may be older rows. */
function drop(id) {
  const row = part(list, "scan", id);
  if (!row) return;
  row.remove();
  const covered = folded && Number(row.dataset.earlier) > 0; // an earlier scan takes its place
  if (covered || !list.children.length) location.reload();
}

follow(list.dataset.live, "history", ({ id }) => first || part(list, "scan", id), place, drop);
// Removes thumbnails that were not kept or were deleted.
list.addEventListener("error", (event) => event.target.matches?.("img") && event.target.closest("li").remove(), true);
