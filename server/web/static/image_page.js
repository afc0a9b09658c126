// An image's own page: its article, and the keys for it.
import { text } from "./dom.js";
import { article } from "./image.js";
import { bind } from "./keys.js";

const { say, undo, heat } = article(document.getElementById("image"));
for (let place = 0; place < 6; place += 1) {
  bind(String(place + 1), text("text:key_correct"), () => say(place), { shown: "1 … 6" });
}
bind("u", text("text:key_take_back"), undo);
bind("h", text("text:key_heat"), heat);
