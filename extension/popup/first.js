// What the popup shows at once: its texts and a progress bar. All other modules are loaded after the first paint, because loading a dozen
// modules before it adds a tenth to the time until the popup appears.
import { fill, text } from "../core/words.js";

const UNSEEN_MS = 150; // a page in a background tab is never painted

fill();
const asked = new URL(location).searchParams;
document.documentElement.classList.toggle("tab", asked.has("tab") || asked.has("demo"));
document.getElementById("counts").textContent = text("starting");
const rest = () => (asked.has("demo") ? import("../demo/demo.js") : import("./popup.js"));
new PerformanceObserver(rest).observe({ type: "paint", buffered: true });
setTimeout(rest, UNSEEN_MS);
