// What the popup shows at once: its words, and that something is going on. Everything else is loaded once that is painted: a dozen
// modules fetched beside it are worth a tenth of the time until it stands there.
import { fill, text } from "../core/words.js";

const UNSEEN_MS = 150; // a page that nobody looks at is never painted

fill();
const asked = new URL(location).searchParams;
document.documentElement.classList.toggle("tab", asked.has("tab") || asked.has("demo"));
document.getElementById("counts").textContent = text("starting");
const rest = () => (asked.has("demo") ? import("../demo/demo.js") : import("./popup.js"));
new PerformanceObserver(rest).observe({ type: "paint", buffered: true });
setTimeout(rest, UNSEEN_MS);
