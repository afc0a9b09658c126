// Permission questions of the browser before page contents are sent: for an image's host, or for the sending itself. The question closes
// the popup, so it is stored: if the person allows it, the capture starts by itself; if not, the popup says so when it is opened again.
import { openPopup, tab as tabOf } from "../core/browser.js";
import { changeQuestions, questions } from "../core/settings.js";
import { withoutFragment } from "./jobs.js";
import { capture } from "./capture.js";

async function keep(tab, row) {
  const page = withoutFragment((await tabOf(tab))?.url);
  await changeQuestions((all) => void (all[tab] = { ...row, page }));
}

/** Stores that the popup is about to request a permission. `origins`: empty if it is for sending only. */
export const asking = (tab, origins) => keep(tab, { origins, denied: true });

/** Returns this tab's stored question, {origins, denied, problem} or null, and deletes it. */
export async function question(tab) {
  const [row, shown] = [(await questions())[tab], await tabOf(tab)];
  await drop(tab);
  return row && row.page === withoutFragment(shown?.url) ? row : null;
}

export const drop = (tab) => changeQuestions((all) => void delete all[tab]);

/** A permission was granted: starts the captures that waited for it, and opens the popup. */
export async function answered() {
  const waiting = Object.entries(await questions()).filter(([, row]) => row.denied);
  for (const tab of waiting.map(([tab]) => Number(tab))) {
    await drop(tab);
    try {
      const { ask } = await capture(tab);
      if (ask) await keep(tab, { origins: ask, denied: false });
    } catch ({ code = "internal", message }) {
      await keep(tab, { origins: [], problem: { code, detail: message } });
    }
    await openPopup();
  }
}
