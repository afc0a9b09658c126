// Live lists of scans: a stream names the rows that change, and the server renders these rows as it rendered the page.
import { rowsOf } from "./api.js";
import { part } from "./dom.js";
import { stream } from "./stream.js";

const GATHER_MS = 50; // changes that come together are one request
const MOST = 100; // rows in one request

/**
 * Follows the stream `url` until the page goes. `of`: the page that shows the rows; `wanted(scan)`: whether this change matters there;
 * `place(row)` takes each row that the server wrote; `drop(id)` is called for a scan that was deleted, or matches no more.
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
      // When the service stops, so does the stream; it sends every row again once it is back.
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
