// The review queue: one image, one key. The next images are fetched while a person looks at this one.
import { correct, nextQuestions, skip, undoCorrection, unskip } from "./api.js";
import { modalityName, text } from "./dom.js";
import { bind } from "./keys.js";
import { show } from "./review_view.js";
import { KEYS, MODALITIES } from "./shared/modalities.js";
import { toast } from "./toast.js";

const LOW = 5; // with fewer images left, more are fetched
const page = document.getElementById("review");
const queue = JSON.parse(page.dataset.questions);
const done = [];
const tally = { waiting: Number(page.dataset.waiting), today: Number(page.dataset.today), sitting: 0 };
let busy = false;
let asking = false;

const draw = () => show(queue, tally, done.length > 0);

async function refill() {
  if (asking || queue.length >= LOW || tally.waiting <= queue.length) return;
  asking = true;
  try {
    const found = await nextQuestions(queue.map((question) => question.sha256));
    const at = new Set(queue.map((question) => question.sha256));
    queue.push(...found.questions.filter((question) => !at.has(question.sha256)));
    tally.waiting = found.waiting;
    tally.today = found.today;
  } finally {
    asking = false;
  }
}

/** Labels the image shown (null skips it). Keys pressed while a label is being sent are ignored, so that none applies to the next image. */
async function answer(modality) {
  const question = queue[0];
  if (busy || !question) return;
  busy = true;
  try {
    await (modality ? correct(question.sha256, modality) : skip(question.sha256));
    queue.shift();
    done.push({ question, modality });
    tally.waiting = Math.max(0, tally.waiting - 1);
    if (modality) tally.today += 1;
    tally.sitting += modality ? 1 : 0;
    draw();
    toast(modality ? text("text:review_kept", { name: modalityName(modality) }) : text("text:review_skipped"), { seconds: 2 });
    await refill();
    draw();
  } catch (problem) {
    toast(problem.message);
  } finally {
    busy = false;
  }
}

async function undo() {
  if (busy) return;
  const last = done.pop();
  if (!last) return void toast(text("text:review_nothing_to_undo"));
  busy = true;
  try {
    await (last.modality ? undoCorrection(last.question.sha256) : unskip(last.question.sha256));
    queue.unshift(last.question);
    tally.waiting += 1;
    if (last.modality) {
      tally.today -= 1;
      tally.sitting -= 1;
    }
    toast(text("text:review_undone"), { seconds: 2 });
  } catch (problem) {
    done.push(last);
    toast(problem.message);
  } finally {
    busy = false;
    draw();
  }
}

const acts = { skip: () => answer(null), undo };
page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-label], [data-act]");
  if (button?.dataset.label) answer(button.dataset.label);
  else if (button) acts[button.dataset.act]();
});
for (const modality of MODALITIES) bind(KEYS[modality], text("text:review_key", { name: modalityName(modality) }), () => void answer(modality));
bind("s", text("text:review_key_skip"), () => void answer(null));
bind("u", text("text:review_key_undo"), () => void undo());
draw();
