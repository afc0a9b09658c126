// The items in the context menus of links, images and pages. Each starts a scan and shows it.
import { badge, openPopupOrTab, text } from "../core/browser.js";
import { begin } from "./begin.js";

const WEB = ["http://*/*", "https://*/*"];
const PDFS = ["pdf", "PDF"].flatMap((end) => [`*://*/*.${end}`, `*://*/*.${end}?*`, `*://*/*.${end}#*`]);

/** The target of each item, from the click event. The browser's own PDF viewer counts as a page: its address is that of the PDF. */
const TARGETS = {
  pdf: (info) => info.linkUrl,
  link: (info) => info.linkUrl,
  image: (info) => info.srcUrl,
  page: () => undefined,
};

export const items = () => [
  { id: "pdf", title: text("menu_pdf"), contexts: ["link"], targetUrlPatterns: PDFS },
  { id: "link", title: text("menu_link"), contexts: ["link"], targetUrlPatterns: WEB },
  { id: "image", title: text("menu_image"), contexts: ["image"], targetUrlPatterns: WEB },
  { id: "page", title: text("menu_page"), contexts: ["page", "frame"], documentUrlPatterns: WEB },
];

export async function chosen(info, tab) {
  const target = TARGETS[info.menuItemId];
  if (!target || !tab) return;
  const asked = begin(tab.id, target(info)); // the popup waits for it
  const shown = openPopupOrTab(tab.id).catch(() => {}); // not awaited: the popup may only open as part of the click
  try {
    await asked;
  } catch (problem) {
    if (target(info)) return void (await shown); // a link's problem is shown by the popup; the badge belongs to the page
    await badge(tab.id, "!", `${text("badge_failed")} (${problem.code ?? problem.message})`, "#a4262c");
  }
  await shown;
}
