// A scan's page: follows its events while it runs, and its buttons.
import { cancel, eventsOf, remove, report, scanAddress } from "./api.js";
import { notice, part, setStatus, text } from "./dom.js";
import { found, judged } from "./gallery.js";

const page = document.getElementById("scan");
const id = page.dataset.scan;
const chip = page.querySelector(".chip");
const error = part(page, "error");
const acts = (name) => part(page, "act", name);

function status(scan) {
  setStatus(chip, scan.status);
  if (scan.title) part(page, "title").textContent = scan.title;
}

async function finish(source) {
  source.close();
  const scan = await report(id);
  for (const image of scan.images) judged(image);
  status({ status: scan.status, title: scan.source.title });
  notice(error, scan.error?.message, true);
  part(page, "progress").hidden = true;
  acts("cancel").hidden = true;
  acts("delete").hidden = false;
  acts("again").hidden = !acts("again").dataset.url;
}

function follow() {
  const source = new EventSource(eventsOf(id));
  source.addEventListener("status", (event) => status(JSON.parse(event.data)));
  source.addEventListener("found", (event) => found(JSON.parse(event.data)));
  source.addEventListener("verdict", (event) => judged(JSON.parse(event.data)));
  source.addEventListener("done", () => finish(source));
}

async function act(button) {
  const { act: name, url } = button.dataset;
  if (name === "delete" && !window.confirm(text("text:delete_sure"))) return;
  button.disabled = true;
  try {
    if (name === "cancel") await cancel(id);
    if (name === "delete") {
      await remove(id);
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
if (["queued", "running"].includes(page.dataset.status)) follow();
