// The filters of the history act at once: a change loads the list again, with the address that submitting the form would give.
const form = document.querySelector(".filters");
const TYPED_MS = 600; // after the last key of a search or a date
const FOCUS = "medlens-filter";
let timer = 0;

function apply(name) {
  clearTimeout(timer);
  sessionStorage.setItem(FOCUS, name);
  form.requestSubmit();
}

const isTyped = ({ type }) => ["date", "search"].includes(type);
form.addEventListener("change", ({ target }) => target.name && !isTyped(target) && apply(target.name));
form.addEventListener("input", ({ target }) => {
  if (!isTyped(target)) return;
  clearTimeout(timer);
  timer = setTimeout(() => apply(target.name), TYPED_MS);
});
// Fields without a value are left out of the address.
form.addEventListener("formdata", ({ formData }) => {
  for (const [name, value] of [...formData]) if (!value) formData.delete(name);
});
form.querySelector("button:not([type])").hidden = true;

// Restores the focus after the list was loaded again while a filter had it.
const field = form.elements[sessionStorage.getItem(FOCUS) ?? ""];
sessionStorage.removeItem(FOCUS);
if (field instanceof HTMLElement) {
  field.focus({ preventScroll: true });
  if (field.type === "search") field.setSelectionRange(field.value.length, field.value.length);
}
