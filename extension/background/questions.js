// What the browser is asked before page contents are sent: an image's host, or the sending itself. Its question closes the popup, so
// it is kept here: after a yes things go on by themselves, and a no is told when the popup is opened again.
import { openPopup, tab as tabOf } from "../core/browser.js";
import { changeQuestions, questions } from "../core/settings.js";
import { withoutFragment } from "./jobs.js";
import { capture } from "./capture.js";

async function keep(tab, row) {
  const page = withoutFragment((await tabOf(tab))?.url);
  await changeQuestions((all) => void (all[tab] = { ...row, page }));
}

/** The popup is about to have the browser ask. `origins`: none when it is about sending alone. */
export const asking = (tab, origins) => keep(tab, { origins, denied: true });

/** What is left of this tab's question, told once: {origins, denied, problem}, or null. */
export async function question(tab) {
  const [row, shown] = [(await questions())[tab], await tabOf(tab)];
  await drop(tab);
  return row && row.page === withoutFragment(shown?.url) ? row : null;
}

export const drop = (tab) => changeQuestions((all) => void delete all[tab]);

/** The browser was told yes: whatever waited for it goes on, and is shown. */
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
