// Follows a scan to its end by its stream of events. If the stream breaks or stays silent, the Report is polled instead.
import * as api from "./api.js";
import { FINISHED } from "./progress.js";
import { Silence } from "./sse.js";

const POLL_MS = 1500;
// Errors of a request for the Report that will not pass with time.
const FINAL = ["unauthorized", "forbidden", "not_found", "stranger"];

const pause = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });

/**
 * Yields {kind, data}: the service's events `status`, `found` and `verdict`, `report` with a whole Report (always the last), and `trouble`
 * with a Problem while the service does not answer; requests are then repeated until `signal` is aborted.
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
      if (error instanceof Silence) streams = false; // a proxy in between probably buffers the stream, and would do so again
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
