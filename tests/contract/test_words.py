"""A verdict in words: the same cases in Python, in the dashboard's script, and in the extension's two languages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.contract.modalities import MODALITIES, MODALITY_NAMES, NON_MEDICAL
from server.contract.records import Box, Panel
from server.contract.report import verdict_json
from server.contract.verdict import FAVOURITE, Context, Medical, Probabilities, Verdict
from server.contract.words import TEXTS, headline, shows_percent, why
from server.store.codec import corrected
from tests.node import ROOT, evaluate

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
SCRIPT = ROOT / "server/web/static/shared/words.js"
SAY = "(key, values = []) => given.texts[key].replace(/\\{(\\w+)\\}/g, (_, place) => values[place])"
BOX: Box = (0, 0, 9, 9)


def _shares(given: dict[str, float]) -> Probabilities:
    """The named shares, and what is left spread over the other modalities."""
    rest = (1 - sum(given.values())) / (len(MODALITIES) - len(given))
    return {name: given.get(name, rest) for name in MODALITIES}


def _judged(case: dict[str, Any]) -> tuple[Verdict, tuple[Panel, ...]]:
    probabilities = _shares(case["shares"])
    is_medical = probabilities[NON_MEDICAL] <= 0.5
    medical = {name: share for name, share in probabilities.items() if name != NON_MEDICAL}
    modality = max(medical, key=lambda name: medical[name]) if is_medical else NON_MEDICAL
    members = dict(zip(("cnn", "clip", "kmeans"), map(_shares, case["members"]), strict=False))
    favourites = {max(said, key=lambda name: said[name]) for said in members.values() if max(said.values()) >= FAVOURITE}
    verdict = Verdict(
        modality=modality,
        is_medical=is_medical,
        confidence=probabilities[modality],
        probabilities=probabilities,
        medical=Medical(1 - probabilities[NON_MEDICAL], case["medical_sure"]),
        sure=case["sure"],
        contains=tuple(case.get("contains", [modality] if is_medical else [])),
        agree=len(favourites) < 2,
        members=members,
        model_version="m",
    )
    if "context" in case:
        modality = case.get("settled", modality)
        context = Context(case["context"], True, "a quote", "caption", case["context"] == modality)
        verdict = replace(verdict, modality=modality, contains=(modality,), context=context)
    panels = (Panel(BOX, verdict),) if case.get("panel") else ()
    return (corrected(verdict, case["corrected"]) if "corrected" in case else verdict), panels


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case["en"])[:60])
def test_python_says_it_in_english(case: dict[str, Any]) -> None:
    verdict, panels = _judged(case)
    assert [headline(verdict), why(verdict, panels)] == case["en"]
    assert shows_percent(verdict) == (case["sure"] and "corrected" not in case and "contains" not in case)


def test_the_extension_has_the_same_script() -> None:
    assert SCRIPT.read_text() == (ROOT / "extension/shared/words.js").read_text()


def _script(texts: dict[str, str]) -> list[list[Any]]:
    """What the script says of every case, with these texts."""
    judged = [_judged(case) for case in CASES]
    given = {
        "texts": texts,
        "cases": [
            [verdict_json(verdict), [{"verdict": verdict_json(one.verdict)} for one in panels]] for verdict, panels in judged
        ],
    }
    percent_of = "(share) => `${Math.round(share * 100)} %`"
    call = f"given.cases.map(([v, p]) => [m.headline(v, {SAY}), m.why(v, p, {SAY}, {percent_of}), m.showsPercent(v)])"
    said: list[list[Any]] = evaluate(SCRIPT, call, given)
    return said


def test_the_dashboards_script_says_the_same() -> None:
    texts = {**TEXTS, **{f"modality_{name}": text for name, text in MODALITY_NAMES.items()}}
    assert _script(texts) == [[*case["en"], shows_percent(_judged(case)[0])] for case in CASES]


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_extension_says_the_same_in_its_languages(language: str) -> None:
    messages = json.loads((ROOT / f"extension/_locales/{language}/messages.json").read_text(encoding="utf-8"))
    texts = {key: told["message"].replace("$V1$", "{0}").replace("$V2$", "{1}") for key, told in messages.items()}
    assert [said[:2] for said in _script(texts)] == [case[language] for case in CASES]
