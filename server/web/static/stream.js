// Streams of server-sent events that go on when the service is back.
import { available } from "./connection.js";

const REOPEN_MS = 1000;

/**
 * Follows the stream `url` until the page goes, over restarts of the service: it begins anew then. `handlers`: by the event's name,
 * each is given its data. Gives a function that ends it.
 */
export function stream(url, handlers) {
  let source = null;
  let ended = false;
  const end = () => {
    ended = true;
    source.close();
  };
  const open = () => {
    source = new EventSource(url);
    source.addEventListener("error", async () => {
      source.close();
      // A page that is being left is not a service that is gone, and a stream that is refused is not asked for again at once.
      await new Promise((resolve) => setTimeout(resolve, REOPEN_MS));
      if (ended) return;
      await available();
      if (!ended) open();
    }, { once: true });
    for (const [name, act] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => act(JSON.parse(event.data)));
    }
  };
  open();
  window.addEventListener("pagehide", end);
  return end;
}
