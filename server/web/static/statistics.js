// The statistics page: keys for the period.
import { text } from "./dom.js";
import { bind } from "./keys.js";

const spans = [...document.querySelectorAll(".tab")];
const shown = spans.findIndex((span) => span.ariaCurrent);
const go = (step) => spans[shown + step]?.click();

bind("[", text("text:shorter"), () => go(-1));
bind("]", text("text:longer"), () => go(1));
