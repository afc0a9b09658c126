// The scans of this tab: a button for the page's own scan and one for each link or image that was scanned on it. Hidden if there is only
// the page's scan.
import { text } from "../core/words.js";

const row = document.getElementById("scans");

export class Scans {
  /** `choose(job)` is called when a button is pressed, with null for a page that has no scan yet. */
  constructor(state, choose) {
    this.state = state;
    this.choose = choose;
  }

  /** `own`: the page's job or null; `links`: the others, the newest first. */
  take({ own, links }) {
    row.hidden = !links.length;
    row.replaceChildren(this.#button(own, text("this_page")), ...links.map((job) => this.#button(job, nameOf(job.target))));
    this.draw();
  }

  /** Highlights the scan that the popup shows, and updates its number of medical images. */
  draw() {
    const { job, progress, config } = this.state;
    for (const button of row.children) {
      const shown = Boolean(job) && button.dataset.scan === job.scan;
      button.setAttribute("aria-pressed", String(shown));
      if (shown) write(button, progress.status, progress.medical(config.minSide));
    }
  }

  #button(job, name) {
    const button = document.createElement("button");
    const label = Object.assign(document.createElement("span"), { className: "cut", textContent: name, dir: "auto" });
    button.append(label, document.createElement("b"));
    button.title = job?.target ?? name;
    button.dataset.scan = job?.scan ?? "";
    if (job) write(button, job.status, job.medical);
    button.addEventListener("click", () => button.getAttribute("aria-pressed") === "true" || this.choose(job));
    return button;
  }
}

function write(button, status, medical) {
  button.lastElementChild.textContent = { queued: "…", running: "…", failed: "!" }[status] ?? String(medical);
}

/** The last part of an address's path, decoded, or the host if there is none. */
function nameOf(address) {
  const { pathname, host } = new URL(address);
  const last = pathname.split("/").filter(Boolean).at(-1);
  if (!last) return host;
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
