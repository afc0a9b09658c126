// Follows a scan to its end: its events as they come, and where a stream does not hold, the Report now and then instead.
import * as api from "./api.js";
import { FINISHED } from "./progress.js";

const POLL_MS = 1500;
// Whoever answers like this will not answer otherwise in a moment.
const FINAL = ["unauthorized", "forbidden", "not_found", "stranger"];

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

/**
 * Yields {kind, data}: `status`, `found`, `verdict` as the service says them, `report` for a whole Report (always the last), and
 * `trouble` with a Problem while the service does not answer; it then tries again until `signal` says stop.
 */
export async function* follow(id, signal) {
  let last = "";
  for (;;) {
    let told = null;
    try {
      for await (const event of api.events(id, last, signal)) {
        last = event.id || last;
        if (event.kind === "done") break;
        yield event;
      }
      told = await api.report(id, signal);
    } catch (error) {
      if (signal?.aborted) return;
      if (FINAL.includes(error.code)) throw error;
      told = await api.report(id, signal).catch((problem) => ({ problem }));
    }
    if (signal?.aborted) return;
    if (told.problem) yield { kind: "trouble", data: told.problem };
    else yield { kind: "report", data: told };
    if (FINISHED.includes(told.status)) return;
    try {
      await pause(POLL_MS, signal);
    } catch {
      return;
    }
  }
}
