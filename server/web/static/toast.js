// A short message at the foot of the page, perhaps with a button. It disappears by itself, but not while the pointer or focus is on it.
const place = document.getElementById("toasts");
const SHORT_S = 6;

/** `action`: { label, act }. `link`: { label, href }. `seconds`: how long it stays; an undo, as long as it is possible. Gives a function that closes it. */
export function toast(message, { action = null, link = null, seconds = SHORT_S } = {}) {
  const box = document.createElement("div");
  box.className = "toast";
  const words = document.createElement("p");
  words.textContent = message;
  box.append(words);
  const close = () => {
    clearTimeout(timer);
    box.remove();
  };
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.label;
    box.append(anchor);
  }
  if (action) {
    const button = document.createElement("button");
    button.textContent = action.label;
    button.addEventListener("click", () => {
      close();
      action.act();
    });
    box.append(button);
  }
  const leave = () => (box.matches(":hover, :focus-within") ? (timer = setTimeout(leave, 1000)) : close());
  let timer = setTimeout(leave, seconds * 1000);
  // Nothing outside of an open dialog can be pressed.
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1);
  (dialog ?? document.body).append(place);
  dialog?.addEventListener("close", () => document.body.append(place), { once: true });
  place.append(box);
  return close;
}
