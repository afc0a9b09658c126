// The form that starts a scan: an address, chosen files, or files dropped on it.
import { scanAddress, scanFiles } from "./api.js";
import { notice, text } from "./dom.js";

const form = document.getElementById("start");
const state = document.getElementById("start-state");
const files = document.getElementById("files");
const button = form.querySelector("button.primary");

async function start(begin) {
  button.disabled = true;
  notice(state, text("text:starting"));
  try {
    const scan = await begin({ no_cache: form.elements.no_cache.checked });
    location.assign(`/scans/${scan.id}`);
  } catch (problem) {
    notice(state, problem.message, true);
    button.disabled = false;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  start((options) => scanAddress(form.elements.url.value, options));
});
files.addEventListener("change", () => {
  if (files.files.length) start((options) => scanFiles(files.files, options));
});

for (const kind of ["dragenter", "dragover"]) {
  form.addEventListener(kind, (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
}
form.addEventListener("dragleave", () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  const dropped = event.dataTransfer.files;
  const address = event.dataTransfer.getData("text/uri-list").split("\n")[0];
  if (dropped.length) start((options) => scanFiles(dropped, options));
  else if (address) start((options) => scanAddress(address, options));
});
