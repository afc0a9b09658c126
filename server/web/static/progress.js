// How far a running scan is, in words.
import { text } from "./dom.js";

const LEAST_JUDGED = 5; // verdicts before their pace says how long the others will take
const LEAST_S = 3; // shorter waits are not worth a number

export class Progress {
  constructor(status) {
    this.status = status;
    this.found = 0;
    this.skipped = 0;
    this.judged = new Map(); // hash -> when its verdict came, in milliseconds
  }

  /** Takes the news of an event: { status, found, skipped, judged }, each if it changed. Gives the words. */
  take({ status, found, skipped, judged }) {
    this.status = status ?? this.status;
    this.found = found ?? this.found;
    if (skipped) this.skipped = Object.values(skipped).reduce((sum, n) => sum + n, 0);
    if (judged && !this.judged.has(judged)) this.judged.set(judged, performance.now());
    if (this.status === "queued") return text("text:found_waiting");
    const counts = { found: Math.max(this.found, this.judged.size), judged: this.judged.size, skipped: this.skipped };
    const seconds = this.secondsLeft();
    return seconds < LEAST_S ? text("text:so_far", counts) : text("text:so_far_left", { ...counts, s: seconds });
  }

  /** Seconds for the images that were found so far, by the pace of the verdicts; 0 if that cannot be known yet. */
  secondsLeft() {
    const times = [...this.judged.values()];
    const left = this.found - times.length - this.skipped;
    if (times.length < LEAST_JUDGED || left <= 0) return 0;
    return Math.round((left * (times.at(-1) - times[0])) / (times.length - 1) / 1000);
  }
}
