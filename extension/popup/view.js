// The popup's header, counts and footer, drawn from the state of the scan that it shows.
import { ago, counted, text } from "../core/words.js";

const part = (id) => document.getElementById(id);
// Milliseconds; the age of an earlier scan is shown only above this.
const FRESH_MS = 60_000;

export class View {
  constructor(state) {
    this.state = state;
  }

  /** The state before the first answer, with a progress bar from the first paint on. */
  waiting() {
    part("progress").classList.remove("over");
    part("progress").removeAttribute("value");
    part("counts").textContent = text("starting");
    part("facts").hidden = true;
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
    const known = finished || shown.length > 0;
    part("counts").textContent = known ? counted("n_medical", progress.medical(config.minSide)) : text("starting");
    part("facts").hidden = !known;
    part("facts").textContent = this.#facts(shown).join(" · ");
    part("cancel").hidden = finished;
    part("again").hidden = !finished;
    part("error").hidden = !progress.error;
    part("error").textContent = progress.error?.message ?? "";
    part("empty").hidden = !finished || shown.length > 0;
    part("empty").textContent = text(status === "failed" ? "empty_failed" : "empty");
    part("mark").disabled = job.link || (progress.kind !== "page" && !job.seen); // marks belong to the page's own scan
    part("mark").checked = Boolean(job.link ? this.state.own?.marks : job.marks);
    part("dashboard").hidden = false;
    part("dashboard").href = `${config.address}/scans/${job.scan}`;
  }

  #bar(finished, { found, images }) {
    const bar = part("progress");
    bar.classList.toggle("over", finished);
    if (found) bar.value = Math.min(1, images.size / found);
  }

  #facts(shown) {
    const { progress, job } = this.state;
    const facts = [counted("n_images", shown.length)];
    const unsure = shown.filter((image) => !image.verdict.sure).length;
    if (unsure) facts.push(counted("n_uncertain", unsure));
    const old = progress.finished && job.earlier && Date.now() - Date.parse(progress.createdAt) > FRESH_MS;
    if (old) facts.push(text("checked_before", [ago(progress.createdAt)]));
    return facts;
  }

  say(words) {
    part("said").textContent = words;
  }
}
