// The background script: dispatches events of the browser and messages of popup, menus and marks. The browser may stop and start it at any
// moment, so its state is in storage: each start registers all listeners again and resumes following the running scans.
import * as browser from "../core/browser.js";
import { refusal } from "../core/messages.js";
import { paint } from "./badge.js";
import { dropCapture } from "./capture.js";
import { forget, jobOf } from "./jobs.js";
import { chosen, items } from "./menus.js";
import { answered, drop } from "./questions.js";
import { TABLE } from "./table.js";
import { takeUp } from "./watch.js";

browser.onMessage(async (message, sender) => {
  const wrong = refusal(message, sender.trusted);
  if (wrong) return { problem: { code: "refused", detail: wrong } };
  try {
    return { ok: await TABLE[message.type](message, sender) };
  } catch (error) {
    return { problem: { code: error.code ?? "internal", detail: error.message, status: error.status ?? 0 } };
  }
});
browser.onLine();
browser.onInstalled(async (reason) => {
  await browser.makeMenus(items());
  if (reason === "install") await browser.openOptions();
});
browser.onStartup(() => browser.makeMenus(items()));
browser.onMenu(chosen);
browser.onPermitted(answered);
browser.onTabClosed(forget);
browser.onTabClosed(drop);
browser.onTabClosed(dropCapture);
browser.onTabShown(async (tab) => {
  const job = await jobOf(tab);
  if (job) await paint(tab, job);
});

browser.closeStorageToPages();
takeUp();
