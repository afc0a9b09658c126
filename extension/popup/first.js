// What the popup shows at once: its words, and that something is going on. Everything else is loaded after that, for a popup is shown
// when its page has loaded, and a dozen modules are worth half of its first paint.
import { fill, text } from "../core/words.js";

fill();
document.documentElement.classList.toggle("tab", new URL(location).searchParams.has("tab"));
document.getElementById("counts").textContent = text("starting");
import("./popup.js");
