// Blurs medical images until the pointer is on them. The choice is in a cookie, so that the next page is blurred from the start.
import { text } from "./dom.js";
import { bind } from "./keys.js";

const YEAR_S = 365 * 24 * 3600;
const root = document.documentElement;
const button = document.getElementById("blur");

function toggle() {
  const blur = root.dataset.blur === "on" ? "off" : "on";
  root.dataset.blur = blur;
  button.setAttribute("aria-pressed", String(blur === "on"));
  document.cookie = `medlens_blur=${blur}; path=/; max-age=${YEAR_S}; SameSite=Strict`;
}

if (button) {
  button.addEventListener("click", toggle);
  bind("b", text("text:key_blur"), toggle, { everywhere: true });
}
