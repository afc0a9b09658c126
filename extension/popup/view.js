// The popup's head, counts and footer, drawn from what is known of the scan. Knows no message and no network.
import { ago, counted, text } from "../core/words.js";

const part = (id) => document.getElementById(id);
// Younger than this and nobody wants to be told that it was checked before, milliseconds.
const FRESH_MS = 60_000;

export class View {
  constructor(state) {
    this.state = state;
  }

  /** Before anything is known: progress is there with the first paint. */
  waiting() {
    part("progress").classList.remove("over");
    part("progress").removeAttribute("value");
    part("counts").textContent = text("starting");
    part("result").hidden = false;
  }

  stopped() {
    part("progress").classList.add("over");
    part("counts").textContent = "";
    part("cancel").hidden = true;
    part("result").hidden = !this.state.progress.images.size;
  }

  draw() {
    const { job, progress, config } = this.state;
    const { finished, status } = progress;
    const shown = progress.shown(config.minSide);
    part("title").textContent = progress.title || text("name");
    part("title").title = job.target;
    part("status").textContent = text(`status_${status}`);
    part("status").className = `chip ${status}`;
    this.#bar(finished, progress);
    part("counts").textContent = finished || shown.length ? this.#counts(shown, progress) : text("starting");
    part("cancel").hidden = finished;
    part("again").hidden = !finished;
    part("error").hidden = !progress.error;
    part("error").textContent = progress.error?.message ?? "";
    part("age").hidden = !this.#isOld(finished, progress);
    part("age").textContent = part("age").hidden ? "" : text("checked_before", [ago(progress.createdAt)]);
    part("empty").hidden = !finished || shown.length > 0;
    part("empty").textContent = text(status === "failed" ? "empty_failed" : "empty");
    part("mark").disabled = progress.kind !== "page" && !job.seen;
    part("mark").checked = Boolean(job.marks);
    part("dashboard").hidden = false;
    part("dashboard").href = `${config.address}/scans/${job.scan}`;
  }

  #bar(finished, { found, images }) {
    const bar = part("progress");
    bar.classList.toggle("over", finished);
    if (found) bar.value = Math.min(1, images.size / found);
  }

  #counts(shown, progress) {
    const medical = progress.medical(this.state.config.minSide);
    const unsure = shown.filter((image) => image.verdict.uncertain).length;
    const words = [counted("n_medical", medical), counted("n_images", shown.length)];
    if (unsure) words.push(counted("n_uncertain", unsure));
    return words.join(" · ");
  }

  #isOld(finished, { createdAt }) {
    return finished && this.state.job.earlier && Date.now() - Date.parse(createdAt) > FRESH_MS;
  }

  say(words) {
    part("said").textContent = words;
  }
}
