// The table of messages: type -> action. messages.js defines their shapes and who may send them; main.js checks that first.
import * as api from "../core/api.js";
import { again, open, ownPage } from "./begin.js";
import { correct, explain, heatmap } from "./explain.js";
import { noticed, scansOf } from "./jobs.js";
import { mark, missed } from "./marks.js";
import { asking, drop, question } from "./questions.js";
import { capture, look } from "./capture.js";
import { takeUp } from "./watch.js";

export const TABLE = {
  open: ({ tab }) => open(tab),
  own: ({ tab }) => ownPage(tab),
  scans: ({ tab }) => scansOf(tab),
  noticed: ({ tab, scan }) => noticed(tab, scan),
  again: ({ tab, scan }) => again(tab, scan),
  cancel: ({ scan }) => api.cancel(scan),
  mark: ({ tab, on }) => mark(tab, on),
  look: ({ tab }) => look(tab),
  see: ({ tab }) => drop(tab).then(() => capture(tab)),
  ended: () => takeUp(),
  asking: ({ tab, origins }) => asking(tab, origins),
  question: ({ tab }) => question(tab),
  explain: ({ image }, { tab }) => explain(tab, image),
  heatmap: ({ image }, { tab }) => heatmap(tab, image),
  correct: ({ image, modality }, { tab }) => correct(tab, image, modality),
  missed: (_, { tab }) => missed(tab),
};
