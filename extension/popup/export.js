// A scan as a file: its Report, or a table of its images. Cells that a spreadsheet would run as a formula are made text.
import { MODALITIES } from "../core/messages.js";

const HEAD = ["sha256", "url", "page", "alt", "width", "height", "modality", "is_medical", "confidence", "uncertain", "agree", "corrected", ...MODALITIES];

export function cell(value) {
  const words = String(value ?? "");
  const safe = /^[=+\-@\t\r]/.test(words) && Number.isNaN(Number(words)) ? `'${words}` : words;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** RFC 4180, one row an image. */
export function csvOf(report) {
  const rows = report.images.map(({ sha256, places, width, height, verdict }) => {
    const { url, page, alt } = places[0] ?? {};
    const facts = [verdict.modality, verdict.is_medical, verdict.confidence, verdict.uncertain, verdict.agree, verdict.corrected];
    return [sha256, url, page, alt, width, height, ...facts, ...MODALITIES.map((name) => verdict.probabilities[name])];
  });
  return [HEAD, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Hands the file to the browser's own downloads, which needs no permission. */
export function save(words, type, name) {
  const url = URL.createObjectURL(new Blob([words], { type }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
