// Parses server-sent events, {id, kind, data}, from the body of a fetch. EventSource is not used because it cannot send a token.
const MAX_LINE = 4_000_000; // characters; a verdict with hundreds of places is shorter, so a longer line is not from medlens

// The service sends something at least every 15 s.
const SILENCE_MS = 20_000;

/** Nothing has arrived for SILENCE_MS. */
export class Silence extends Error {}

async function soon(reading) {
  let timer;
  const silence = new Promise((_, reject) => (timer = setTimeout(() => reject(new Silence("no sign of life")), SILENCE_MS)));
  return Promise.race([reading, silence]).finally(() => clearTimeout(timer));
}

/** Yields the events of `body`, a ReadableStream of bytes. Throws Silence, and SyntaxError for data that is not JSON. */
export async function* eventsIn(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { id: "", kind: "message", lines: [] };
  try {
    for (;;) {
      const { value, done } = await soon(reader.read());
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      if (rest.length > MAX_LINE) throw new Error("a line without end");
      for (const line of lines) {
        if (line === "") {
          if (event.lines.length) yield { id: event.id, kind: event.kind, data: JSON.parse(event.lines.join("\n")) };
          event = { id: event.id, kind: "message", lines: [] };
        } else take(event, line);
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function take(event, line) {
  const [, field, value] = line.match(/^([^:]*):? ?([^]*)$/);
  if (field === "data") event.lines.push(value);
  if (field === "event") event.kind = value;
  if (field === "id") event.id = value;
}
