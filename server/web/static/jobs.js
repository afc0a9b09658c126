// The queue: one line for each scan that waits or runs, whoever started it, and for each upload of this page, with its buttons.
import { cancel, scanAddress } from "./api.js";
import { part, percent, text } from "./dom.js";
import { fill, held, line, list, look, OPEN, state } from "./job.js";
import { follow } from "./live.js";
import { inTurn, send } from "./upload.js";

/** A scan that this page started: its line has the scan's id from now on. */
function begun(job, id) {
  part(list, "scan", id)?.remove(); // the stream has already added a line for it
  job.dataset.scan = id;
  job.querySelector(".job-name").href = `/scans/${id}`;
  part(job, "sent").hidden = true;
  state(job, "queued", text("text:found_waiting"));
}

/** Sends files as one scan. Gives its id, or null if it was refused or stopped, which its line shows. */
export async function upload(files, options, job = line()) {
  const bar = part(job, "sent");
  const control = new AbortController();
  held.set(job, { files, options, control });
  const names = files.map((file) => file.name).join(", ");
  part(job, "name").textContent = files.length === 1 ? names : text("text:files_of", { n: files.length, names });
  bar.hidden = false;
  state(job, "queued", text("text:uploading", { percent: percent(0) }));
  const sent = (share) => {
    bar.value = share;
    part(job, "says").textContent = share < 1 ? text("text:uploading", { percent: percent(share) }) : text("text:sent_whole");
  };
  const wait = (n) => (part(job, "says").textContent = text("text:waits_for_room", { n }));
  try {
    const { id } = await inTurn(() => send(files, options, sent, control.signal), wait);
    begun(job, id);
    return id;
  } catch (problem) {
    bar.hidden = true;
    state(job, problem.code === "cancelled" ? "cancelled" : "failed", problem.message);
    return null;
  }
}

/** Starts a scan of an address. Throws the service's problem, so that the form can show which line it was. */
export async function address(url, options) {
  const { id } = await inTurn(() => scanAddress(url, options));
  if (!part(list, "scan", id)) {
    const job = line();
    job.dataset.url = url;
    part(job, "name").textContent = url;
    begun(job, id);
  }
  return id;
}

async function act(job, name) {
  const mine = held.get(job);
  if (name === "cancel" && !job.dataset.scan) mine.control.abort();
  else if (name === "cancel") await cancel(job.dataset.scan);
  else if (mine) {
    delete job.dataset.scan;
    await upload(mine.files, mine.options, job);
  } else {
    await address(job.dataset.url, {});
    job.remove();
  }
}

list.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-act]");
  if (!button) return;
  const job = button.closest(".job");
  button.disabled = true;
  try {
    await act(job, button.dataset.act);
  } catch (problem) {
    part(job, "says").textContent = problem.message;
  } finally {
    button.disabled = false;
  }
});
document.getElementById("clear-ended").addEventListener("click", () => {
  for (const job of [...list.children]) if (!OPEN.includes(job.dataset.state)) job.remove();
  look();
});

const shown = (id) => part(list, "scan", id);
follow(list.dataset.live, "queue", ({ id, status }) => shown(id) || OPEN.includes(status), (fresh) => {
  const known = shown(fresh.dataset.scan);
  if (known) fill(known, fresh);
  else line(fresh);
}, (id) => {
  shown(id)?.remove();
  look();
});
look();
