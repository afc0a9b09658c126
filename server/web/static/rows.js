// Rows of scans that still run follow their events until they end. Few at once: a browser opens six connections to a host.
import { eventsOf, report } from "./api.js";
import { part, setStatus, text } from "./dom.js";

const AT_ONCE = 3;
const waiting = [...document.querySelectorAll('.row[data-state="running"], .row[data-state="queued"]')].reverse();

function follow(row) {
  const source = new EventSource(eventsOf(row.dataset.scan));
  source.addEventListener("status", (event) => setStatus(row.querySelector(".chip"), JSON.parse(event.data).status));
  source.addEventListener("done", async () => {
    source.close();
    next();
    const scan = await report(row.dataset.scan);
    setStatus(row.querySelector(".chip"), scan.status);
    part(row, "counts").textContent = text("text:images_found", { n: scan.counts.unique, m: scan.counts.medical });
    if (scan.source.title) row.querySelector(".row-title").textContent = scan.source.title;
  });
}

function next() {
  const row = waiting.pop();
  if (row) follow(row);
}

for (let place = 0; place < AT_ONCE; place += 1) next();
