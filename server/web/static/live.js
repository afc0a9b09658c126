// Live lists of scans: a stream gives the ids of rows that change, and the server renders these rows with the template of the page.
import { rowsOf } from "./api.js";
import { part } from "./dom.js";
import { stream } from "./stream.js";

const GATHER_MS = 50; // milliseconds over which changes are collected into one request
const MOST = 100; // rows in one request

/**
 * Follows the stream `url` until the page is left. `of`: the page that shows the rows; `wanted(scan)`: whether this change matters there;
 * `place(row)` is called with each row that the server rendered, `drop(id)` for a scan that was deleted or no longer matches.
 */
export function follow(url, of, wanted, place, drop) {
  const changed = new Set();
  let fetching = false;

  async function fetched() {
    fetching = true;
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    while (changed.size) {
      const ids = [...changed].slice(0, MOST);
      for (const id of ids) changed.delete(id);
      // A failed request needs no repetition: if the service stopped, the stream sends every row again once it is back.
      for (const row of (await rowsOf(ids, of).catch(() => [])).reverse()) place(row);
    }
    fetching = false;
  }

  stream(url, {
    scan: (scan) => {
      if (!wanted(scan)) return;
      changed.add(scan.id);
      if (!fetching) fetched();
    },
    gone: ({ id }) => drop(id),
  });
}

/** Updates `old` from `fresh` piece by piece. Equal pieces stay, so a row keeps its focus and its selection. */
export function renew(old, fresh) {
  Object.assign(old.dataset, fresh.dataset);
  for (const piece of [...fresh.querySelectorAll("[data-piece]")]) {
    const before = part(old, "piece", piece.dataset.piece);
    if (!before.isEqualNode(piece)) before.replaceWith(piece);
  }
}
