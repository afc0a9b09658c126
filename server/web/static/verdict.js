// A verdict as pages show it: headline, dots, bar. pages/views.py and templates/parts.html draw the same on the server.
import { modalityName, percent, text } from "./dom.js";
import { headline, modalitiesOf, showsPercent } from "./shared/words.js";

const SVG = "http://www.w3.org/2000/svg";
const LEAST_SHOWN = 0.005; // smaller shares are not visible in the bar

const words = (key, values) => (key.startsWith("modality_") ? modalityName(key.slice("modality_".length)) : text(`text:${key}`, values));

export const headlineOf = (verdict) => headline(verdict, words);
/** The percentage beside the headline, or nothing if none is shown. */
export const percentOf = (verdict) => (showsPercent(verdict) ? percent(verdict.confidence) : "");

/** One dot for each modality that the image is or contains; hollow while the verdict is not sure. */
export function fillDots(element, verdict) {
  const dots = modalitiesOf(verdict).map((name) => {
    const dot = document.createElement("i");
    dot.className = `dot fill-${name}${verdict.sure ? "" : " unsure"}`;
    return dot;
  });
  element.replaceChildren(...dots);
}

/** The probabilities side by side, or a person's label alone. `svg`: 100 wide. */
export function fillShares(svg, { corrected, modality, probabilities }) {
  let x = 0;
  const pieces = Object.entries(corrected ? { [modality]: 1 } : probabilities)
    .filter(([, share]) => share >= LEAST_SHOWN)
    .map(([name, share]) => {
      const piece = document.createElementNS(SVG, "rect");
      piece.setAttribute("class", `fill-${name}`);
      for (const [key, value] of Object.entries({ x, y: 0, width: share * 100, height: 6 })) piece.setAttribute(key, String(value));
      x += share * 100;
      return piece;
    });
  svg.replaceChildren(...pieces);
}
