// A scan's page: follows its events while it runs, and handles its buttons.
import { cancel, eventsOf, forget, scanAddress } from "./api.js";
import { notice, part, setStatus, text } from "./dom.js";
import { judged } from "./gallery.js";
import "./menus.js";
import { Progress } from "./progress.js";
import { stream } from "./stream.js";
import { deleted } from "./undo.js";

const page = document.getElementById("scan");
const id = page.dataset.scan;
const error = part(page, "error");
const progress = new Progress(page.dataset.status);

function status(scan) {
  if (scan.status) setStatus(page.querySelector(".chip"), scan.status);
  if (scan.title) part(page, "title").textContent = scan.title;
  part(page, "so-far").textContent = progress.take(scan);
}

/** Reloads the page when the scan has ended, in page order, folded and compared; not while an image is open. */
function finish(end) {
  end();
  const open = document.querySelector("dialog[open]");
  if (open) open.addEventListener("close", () => location.reload(), { once: true });
  else location.reload();
}

function follow() {
  const end = stream(eventsOf(id), {
    status,
    found: status,
    verdict: (image) => (judged(image), status({ judged: image.sha256 })),
    done: () => finish(end),
  });
}

async function act(button) {
  const { act: name, url } = button.dataset;
  if (name === "print") {
    button.closest("details").open = false;
    window.print();
    return;
  }
  if (name === "delete" && !window.confirm(text("text:delete_sure"))) return;
  button.disabled = true;
  try {
    if (name === "cancel") await cancel(id);
    if (name === "delete") {
      deleted(await forget({ ids: [id] }));
      location.assign("/");
    }
    if (name === "again") location.assign(`/scans/${(await scanAddress(url, {})).id}`);
  } catch (problem) {
    notice(error, problem.message, true);
  } finally {
    button.disabled = false;
  }
}

page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-act]");
  if (button) act(button);
});
// A thumbnail that was deleted leaves its dark frame, so that nothing moves.
page.addEventListener("error", (event) => event.target.matches?.("img") && event.target.removeAttribute("src"), true);
if (["queued", "running"].includes(page.dataset.status)) follow();
