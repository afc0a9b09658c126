// An image's own page: its article, and the keys for it.
import { text } from "./dom.js";
import { article } from "./image.js";
import { bind, bindModalities } from "./keys.js";

const { label, undo, heat } = article(document.getElementById("image"));
bindModalities(label);
bind("u", text("text:key_take_back"), undo);
const step = (rel) => () => {
  const link = document.querySelector(`.around a[rel="${rel}"][href]`);
  if (link) location.replace(link.href);
  return Boolean(link);
};
for (const [key, rel] of [["ArrowRight", "next"], ["j", "next"], ["ArrowLeft", "prev"], ["k", "prev"]]) {
  bind(key, text(rel === "next" ? "text:key_image_next" : "text:key_image_previous"), step(rel), { shown: rel === "next" ? "j →" : "k ←" });
}
bind("h", text("text:key_heat"), heat);
