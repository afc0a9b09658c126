// Follows a scan to its end: its events as they come, and where a stream does not hold, the Report now and then instead.
import * as api from "./api.js";
import { FINISHED } from "./progress.js";
import { Silence } from "./sse.js";

const POLL_MS = 1500;
// Whoever answers a question for the Report like this will not answer otherwise in a moment.
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
  let streams = true;
  for (;;) {
    try {
      if (streams) {
        for await (const event of api.events(id, last, signal)) {
          last = event.id || last;
          if (event.kind === "done") break;
          yield event;
        }
      }
    } catch (error) {
      if (error instanceof Silence) streams = false; // something on the way holds the stream back, and would again
    }
    if (signal?.aborted) return;
    const told = await api.report(id, signal).catch((problem) => ({ problem }));
    if (signal?.aborted) return;
    if (FINAL.includes(told.problem?.code)) throw told.problem;
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
