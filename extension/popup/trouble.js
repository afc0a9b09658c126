// Shows a problem in words and what to do about it: start the service, connect, try again. The problem's code decides both.
import { problem as words, text } from "../core/words.js";

const part = (id) => document.getElementById(id);
const OFFLINE = ["offline", "slow"];
const UNPAIRED = ["unauthorized", "stranger", "forbidden"];
const HOPELESS = ["not_a_page"];

export class Trouble {
  constructor(retry) {
    this.shown = false;
    part("retry").addEventListener("click", retry);
  }

  /** `retries`: the request is repeated automatically, so no button is shown for it. */
  show(problem, { retries = false } = {}) {
    this.shown = true;
    const { code } = problem;
    part("trouble").hidden = false;
    part("trouble").dataset.code = code;
    part("trouble-title").textContent = text(`trouble_${code}`) || text("trouble_other");
    part("trouble-text").textContent = words(problem);
    part("command").hidden = code !== "offline";
    part("connect").hidden = !UNPAIRED.includes(code);
    part("example").hidden = code !== "offline" && code !== "unauthorized";
    part("retry").hidden = retries || UNPAIRED.includes(code) || HOPELESS.includes(code);
    part("retry").textContent = text(OFFLINE.includes(code) ? "retry_now" : "retry");
  }

  clear() {
    this.shown = false;
    part("trouble").hidden = true;
  }
}
