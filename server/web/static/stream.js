// Streams of server-sent events that are reopened when the service is back.
import { available } from "./connection.js";

const REOPEN_MS = 1000;

/**
 * Follows the stream `url` until the page is left. After a restart of the service the stream is opened again from its beginning.
 * `handlers`: event name -> function that gets the event's data. Returns a function that ends the stream.
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
      // The pause leaves time for `pagehide`, since leaving the page also ends the stream, and keeps a refused stream from being requested
      // again at once.
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
