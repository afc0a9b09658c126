// Server-sent events out of a body that comes in pieces: {id, kind, data}. EventSource cannot send a token, so this reads a fetch.
const MAX_LINE = 4_000_000; // one image's verdict with hundreds of places; more is no stream of ours

// The service says something every 15 s at the least.
const SILENCE_MS = 20_000;

/** Nothing came for so long that nothing will. */
export class Silence extends Error {}

async function soon(reading) {
  let timer;
  const silence = new Promise((_, reject) => (timer = setTimeout(() => reject(new Silence("no sign of life")), SILENCE_MS)));
  return Promise.race([reading, silence]).finally(() => clearTimeout(timer));
}

/** `body`: a ReadableStream of bytes. Data that is not JSON throws; so does silence. */
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
