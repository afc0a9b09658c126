// An image's own page: its article, and the keys for it.
import { text } from "./dom.js";
import { article } from "./image.js";
import { bind, bindModalities } from "./keys.js";

const { label, undo, heat } = article(document.getElementById("image"));
bindModalities(label);
bind("u", text("text:key_take_back"), undo);
bind("h", text("text:key_heat"), heat);
