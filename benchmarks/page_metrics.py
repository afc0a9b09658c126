"""How good the Reports of labelled pages and PDFs are.

Each metric counts labelled images that a plain load asks for, `unclear` ones left out:

- found: of all, in the Report. What medlens leaves out by rule (one colour only, too many pixels) is not found.
- medical_recall: of those labelled medical, found and called medical. mixed_recall: the same of `mixed`. false_alarms: of
  `non_medical`, called medical. precision: of those called medical, labelled medical.
- modality: of those labelled medical, found with the right modality; a `mixed` figure with one of the modalities it contains.
  `single` and `mixed` apart; `of_called_medical` leaves out what was not called medical.
- uncertain, uncertain_medical: of the found ones, of the medical ones found. open_medical: medical or not is itself not sure.
- sure_modality, sure_medical: of the verdicts that are sure of the modality, or of medical or not, the right ones.
- context_shown, context_right, context_disagrees: how often a context is shown, names a modality that the image has, and
  contradicts the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from page_labels import MIXED, Labelled
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Answer:
    """A labelled image and its verdict in the Report, None where it was not found. `matched_by`: how the two were matched."""

    case: str
    labelled: Labelled
    verdict: Mapping[str, Any] | None
    matched_by: str

    @property
    def called_medical(self) -> bool:
        return self.verdict is not None and bool(self.verdict["is_medical"])

    @property
    def modality_right(self) -> bool:
        return self.verdict is not None and self.verdict["modality"] in self.labelled.contains

    @property
    def sure(self) -> bool:
        return self.verdict is not None and not self.verdict["uncertain"]

    @property
    def medical_sure(self) -> bool:
        """Sure of medical or not; an older Report has one certainty for both."""
        return self.verdict is not None and bool(self.verdict.get("medical", {"sure": not self.verdict["uncertain"]})["sure"])


def share(part: int, whole: int) -> dict[str, Any]:
    return {"share": round(part / whole, 4) if whole else None, "n": part, "of": whole}


def metrics(answers: list[Answer]) -> dict[str, Any]:
    """Every metric of the module's docstring, each as a share with its counts."""
    found = [answer for answer in answers if answer.verdict is not None]
    medical = [answer for answer in answers if answer.labelled.medical]
    found_medical = [answer for answer in medical if answer.verdict is not None]
    other = [answer for answer in found if not answer.labelled.medical]
    mixed, single = [a for a in medical if a.labelled.label == MIXED], [a for a in medical if a.labelled.label != MIXED]
    called, sure, medical_sure = (
        [a for a in found if a.called_medical],
        [a for a in found if a.sure],
        [a for a in found if a.medical_sure],
    )

    def named(group: list[Answer]) -> dict[str, Any]:
        return share(sum(answer.modality_right for answer in group), len(group))

    return {
        "found": share(len(found), len(answers)),
        "medical_recall": share(sum(answer.called_medical for answer in medical), len(medical)),
        "mixed_recall": share(sum(answer.called_medical for answer in mixed), len(mixed)),
        "precision": share(sum(answer.labelled.medical for answer in called), len(called)),
        "false_alarms": share(sum(answer.called_medical for answer in other), len(other)),
        "modality": named(medical),
        "modality_single": named(single),
        "modality_mixed": named(mixed),
        "modality_of_called_medical": named([answer for answer in medical if answer.called_medical]),
        "uncertain": share(len(found) - len(sure), len(found)),
        "uncertain_medical": share(sum(not answer.sure for answer in found_medical), len(found_medical)),
        "open_medical": share(sum(not answer.medical_sure for answer in found), len(found)),
        "sure_modality": named(sure),
        "sure_medical": share(sum(answer.called_medical == answer.labelled.medical for answer in medical_sure), len(medical_sure)),
        **context_metrics(found),
    }


def context_metrics(found: list[Answer]) -> dict[str, Any]:
    """How often a context is shown, names a modality that the image has, and contradicts the answer."""
    with_context = [(answer, answer.verdict["context"]) for answer in found if answer.verdict and answer.verdict.get("context")]
    if not with_context:
        return {}
    right = sum(context["modality"] in answer.labelled.contains for answer, context in with_context)
    return {
        "context_shown": share(len(with_context), len(found)),
        "context_right": share(right, len(with_context)),
        "context_disagrees": share(sum(not context["agrees"] for _, context in with_context), len(with_context)),
    }


def print_tables(answers: list[Answer], totals: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a row for each case, with context, then every metric without and with context. `wrong`: sure of a wrong modality."""
    table = Table(box=None, header_style="bright_black", padding=(0, 2, 0, 0))
    for name in ("case", "found", "medical", "alarms", "modality", "unsure", "wrong"):
        table.add_column(name, justify="left" if name == "case" else "right", no_wrap=True)
    for slug in dict.fromkeys(answer.case for answer in answers):
        own = [answer for answer in answers if answer.case == slug]
        one = metrics(own)
        wrong = sum(answer.sure and not answer.modality_right for answer in own)
        columns = ("found", "medical_recall", "false_alarms", "modality", "uncertain")
        table.add_row(slug, *(f"{one[name]['n']}/{one[name]['of']}" for name in columns), str(wrong or ""))
    console = Console()
    console.print(table)
    shown = Table(box=None, header_style="bright_black", padding=(0, 2, 0, 0))
    for name in ("metric", "image alone", "", "with context", ""):
        shown.add_column(name, justify="left" if name == "metric" else "right", no_wrap=True)
    for name in totals["context"]:
        cells = [_cells(totals[evidence].get(name)) for evidence in ("image", "context")]
        shown.add_row(name, *cells[0], *cells[1])
    console.print(shown)


def _cells(value: Mapping[str, Any] | None) -> tuple[str, str]:
    if value is None or value["share"] is None:
        return "", ""
    return f"{value['share']:.3f}", f"{value['n']}/{value['of']}"


def mistakes(answers: list[Answer]) -> list[str]:
    """One line for each image that was not found, or got a wrong modality."""
    lines = []
    for answer in answers:
        verdict = answer.verdict
        if verdict is None:
            lines.append(f"{answer.case} | {answer.labelled.name} | {answer.labelled.label} | not found")
        elif not answer.modality_right:
            text = f"{verdict['modality']} {verdict['confidence']:.3f}{'' if answer.sure else ' uncertain'}"
            if context := verdict.get("context"):
                text += f" | {context['from']} says {context['modality']}: {context['quote']}"
            lines.append(f"{answer.case} | {answer.labelled.name} | {answer.labelled.label} | {text}")
    return lines
