// The badge on the toolbar button: the number of medical images on the tab's own page, or dots while its scan is running.
import { badge, text } from "../core/browser.js";

const RUNNING = "#4c5c66";
const MEDICAL = "#0b6670";
const NONE = "#5b6770";
const FAILED = "#a4262c";
const MOST = 999; // three digits fit

export async function paint(tab, job) {
  const { label, title, colour } = face(job);
  await badge(tab, label, title, colour);
}

export function face({ status, medical }) {
  if (status === "queued" || status === "running") return { label: "…", title: text("badge_running"), colour: RUNNING };
  if (status === "failed") return { label: "!", title: text("badge_failed"), colour: FAILED };
  if (status === "cancelled" && !medical) return { label: "", title: text("action"), colour: NONE };
  const label = medical > MOST ? `${MOST}+` : String(medical);
  return { label, title: text("badge_done", [medical]), colour: medical ? MEDICAL : NONE };
}
