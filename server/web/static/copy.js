// Buttons that copy the address of what the page shows, so that it can be pasted elsewhere.
import { text } from "./dom.js";
import { bind } from "./keys.js";
import { toast } from "./toast.js";

/** Browsers give no clipboard to pages that came over plain http from another machine; a selection can still be copied. */
function copySelected(address) {
  const field = document.createElement("input");
  field.value = address;
  field.readOnly = true;
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

async function copy(button) {
  const address = new URL(button.dataset.copy, location.href).href;
  const copied = await navigator.clipboard?.writeText(address).then(() => true, () => false);
  const done = copied || copySelected(address);
  button.focus();
  toast(done ? text("text:link_copied") : text("text:link_is", { address }), { seconds: done ? 4 : 30 });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
const first = document.querySelector("main [data-copy]");
if (first) bind("y", text("text:key_copy"), () => void copy(first));
