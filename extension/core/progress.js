// The state of a scan so far, built from its events or its Report.
export const FINISHED = ["done", "partial", "failed", "cancelled"];

export class Progress {
  constructor() {
    this.status = "queued";
    this.title = "";
    this.kind = "page";
    this.error = null;
    this.found = 0;
    this.createdAt = null;
    this.images = new Map(); // sha256 -> image, in order of arrival
  }

  get finished() {
    return FINISHED.includes(this.status);
  }

  /** The images to show: without near duplicates, and without images whose shorter side is below `minSide`. */
  shown(minSide = 0) {
    return [...this.images.values()].filter((image) => !image.near_duplicate_of && Math.min(image.width, image.height) >= minSide);
  }

  medical(minSide = 0) {
    return this.shown(minSide).filter((image) => image.verdict.is_medical).length;
  }

  /** Applies an event {kind, data} of follow.js; returns the images that are new or changed. */
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

  /** Replaces the state by a whole Report, which may have further places and near duplicates. */
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
