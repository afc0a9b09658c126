// A verdict in words, and one sentence that explains why it is sure or not. server/contract/words.py has the same rules; both are tested
// with tests/contract/words.json. `text(key, values)` returns a text in the page's language, with {0} and {1} filled in.
const PROBABLY = 0.75; // P(medical) from which an unsure verdict is "probably" medical
const PROBABLY_NOT = 0.25;
const BEYOND_THRESHOLDS = 0.99; // above this probability the thresholds are not the reason why a verdict is not sure
const FAVOURITE = 0.6;
const MEMBERS = { cnn: "CNN", clip: "CLIP", kmeans: "K-Means" };

/** A few words: MRI; Probably MRI; Medical, CT or MRI; Possibly medical; Not medical; Figure with CT and MRI. */
export function headline(verdict, text) {
  const { modality, medical, contains, open } = verdict;
  if (contains.length > 1) return text(medical.sure ? "verdict_figure" : "verdict_probably_figure", [list("and", contains, text)]);
  if (verdict.corrected || verdict.sure) return text(`modality_${modality}`);
  if (!verdict.is_medical) {
    const unlikely = medical.sure || medical.probability <= PROBABLY_NOT;
    return text(unlikely ? "verdict_probably_not" : "verdict_possibly_medical");
  }
  if (!medical.sure && medical.probability < PROBABLY) return text("verdict_possibly_medical");
  if (!open || open === "non_medical") return text("verdict_probably", [text(`in_text_${modality}`)]);
  return text(medical.sure ? "verdict_between" : "verdict_probably_medical", [list("or", candidates(verdict), text)]);
}

/** One sentence: why the verdict is sure, or why it is not. `percent(share)` formats a share. */
export function why(verdict, panels, text, percent) {
  const name = (modality) => text(`in_text_${modality}`);
  if (verdict.corrected) {
    const answer = answerOf(verdict.probabilities);
    return answer === verdict.modality ? text("why_confirmed") : text("why_corrected", [name(answer)]);
  }
  if (panels.some((panel) => same(panel.verdict.probabilities, verdict.probabilities))) {
    return text(verdict.sure ? "why_figure" : "why_figure_unsure");
  }
  const { context } = verdict;
  if (context && context.agrees === verdict.sure) {
    if (!verdict.sure) return text("why_words_differ", [name(context.modality)]);
    return text(answerOf(verdict.probabilities) === verdict.modality ? "why_words_agree" : "why_settled");
  }
  const members = Object.entries(verdict.members);
  if (verdict.sure) return text(members.length < 2 ? "why_sure_alone" : verdict.agree ? "why_sure" : "why_sure_though");
  if (!verdict.agree) {
    const clear = members.map(([member, said]) => [member, favourite(said)]).filter(([, [, share]]) => share >= FAVOURITE);
    const opinions = clear.map(([member, [modality]]) => text("why_member", [memberName(member), name(modality)]));
    return text("why_disagree", [join(opinions, text)]);
  }
  if (verdict.confidence >= BEYOND_THRESHOLDS) return text("why_unlike", [name(verdict.modality)]);
  if (!verdict.medical.sure) return text("why_medical", [percent(verdict.medical.probability)]);
  return verdict.open ? text("why_close", [list("and", candidates(verdict), text)]) : text("why_below", [name(verdict.modality)]);
}

/** Whether a percentage is shown beside the headline: not for an uncertain verdict, a figure's list of modalities, or a person's label. */
export const showsPercent = ({ sure, corrected, contains }) => sure && !corrected && contains.length < 2;

/** Whether a person's label differs from the models' verdict; then the models' probabilities do not explain it. */
export const overruled = ({ corrected, modality, probabilities }) => corrected && answerOf(probabilities) !== modality;

/** The modalities that the image has or, as a figure, contains; at least one. */
export const modalitiesOf = ({ contains, modality }) => (contains.length ? contains : [modality]);

export const memberName = (name) => MEMBERS[name] ?? name;

const favourite = (shares) => Object.entries(shares).reduce((best, one) => (one[1] > best[1] ? one : best));
const same = (one, other) => Object.entries(one).every(([name, share]) => other[name] === share);
const join = (pieces, text) => pieces.reduce((joined, piece) => text("list_more", [joined, piece]));
// In the order of the modalities, so that neither seems preferred.
const candidates = ({ modality, open, probabilities }) => Object.keys(probabilities).filter((name) => name === modality || name === open);

function answerOf(probabilities) {
  const { non_medical: not, ...medical } = probabilities;
  return not > 0.5 ? "non_medical" : favourite(medical)[0];
}

function list(word, modalities, text) {
  const names = modalities.map((modality) => text(`in_text_${modality}`));
  return text(`list_${word}`, [join(names.slice(0, -1), text), names.at(-1)]);
}
