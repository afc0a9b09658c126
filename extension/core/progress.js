// What is known of a scan so far, put together from its events or its Report.
export const FINISHED = ["done", "partial", "failed", "cancelled"];

export class Progress {
  constructor() {
    this.status = "queued";
    this.title = "";
    this.kind = "page";
    this.error = null;
    this.found = 0;
    this.createdAt = null;
    this.images = new Map(); // sha256 -> image, as they came
  }

  get finished() {
    return FINISHED.includes(this.status);
  }

  /** The images to show: near copies fold into the one they are copies of, what is smaller than `minSide` is left out. */
  shown(minSide = 0) {
    return [...this.images.values()].filter((image) => !image.near_duplicate_of && Math.min(image.width, image.height) >= minSide);
  }

  medical(minSide = 0) {
    return this.shown(minSide).filter((image) => image.verdict.is_medical).length;
  }

  /** `event`: {kind, data} of follow.js. Gives the images that are new or changed. */
  take({ kind, data }) {
    if (kind === "status" || kind === "done") this.status = data.status ?? this.status;
    if (kind === "found") {
      this.found = Math.max(this.found, data.found ?? 0);
      this.title = data.title || this.title;
    }
    if (kind === "verdict") {
      this.images.set(data.sha256, data);
      return [data];
    }
    return kind === "report" ? this.#whole(data) : [];
  }

  /** A Report tells everything anew: places may have been added, near copies folded. */
  #whole(report) {
    this.status = report.status;
    this.title = report.source.title || report.source.target;
    this.kind = report.source.kind;
    this.error = report.error;
    this.found = report.images.length;
    this.createdAt = report.created_at;
    this.images = new Map(report.images.map((image) => [image.sha256, image]));
    return report.images;
  }
}
