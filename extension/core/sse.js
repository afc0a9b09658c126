// Server-sent events out of a body that comes in pieces: {id, kind, data}. EventSource cannot send a token, so this reads a fetch.
const MAX_LINE = 4_000_000; // one image's verdict with hundreds of places; more is no stream of ours

/** `body`: a ReadableStream of bytes. Data that is not JSON throws. */
export async function* eventsIn(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = { id: "", kind: "message", lines: [] };
  try {
    for (;;) {
      const { value, done } = await reader.read();
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
