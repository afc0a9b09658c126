"""Converts records to columns and back.

The probabilities of a verdict and of each member are stored as one number per modality, in the order of MODALITIES.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from sqlalchemy import RowMapping

from server.contract.modalities import MODALITIES, NON_MEDICAL, Modality
from server.contract.records import Box, JudgedImage, Panel, Place, UniqueImage
from server.contract.verdict import Context, Medical, Probabilities, Verdict
from server.store.columns import clean, clean_or_none

Row = Mapping[str, Any] | RowMapping

QUOTE_CHARS = 200  # a quote of a context is a few words
ALT_CHARS = 2_000  # some pages put whole articles into alternative texts
URL_CHARS = 8_192  # the longest that servers accept; a data: address may have megabytes


def verdict_columns(verdict: Verdict) -> dict[str, Any]:
    """`verdict` as the model gave it; `cached` and `corrected` depend on the scan that reads it and are not stored."""
    return {
        "model_version": verdict.model_version,
        "modality": verdict.modality,
        "is_medical": verdict.is_medical,
        "confidence": verdict.confidence,
        "uncertain": verdict.uncertain,
        "medical_sure": verdict.medical.sure,
        "contains": list(verdict.contains),
        "agree": verdict.agree,
        "probabilities": _numbers(verdict.probabilities),
        "members": {clean(name): _numbers(prediction) for name, prediction in verdict.members.items()},
    }


def verdict_of(row: Row, *, cached: bool, corrected_as: str | None = None) -> Verdict:
    """The verdict in `row`, overridden by the correction when there is one."""
    probabilities = _named(row["probabilities"])
    verdict = Verdict(
        modality=row["modality"],
        is_medical=row["is_medical"],
        confidence=row["confidence"],
        probabilities=probabilities,
        medical=Medical(1 - probabilities[NON_MEDICAL], row["medical_sure"]),
        sure=not row["uncertain"],
        contains=tuple(row["contains"]),
        agree=row["agree"],
        members={name: _named(prediction) for name, prediction in row["members"].items()},
        model_version=row["model_version"],
        cached=cached,
    )
    return corrected(verdict, corrected_as) if corrected_as else verdict


def corrected(verdict: Verdict, modality: Modality) -> Verdict:
    """`verdict` overridden by a correction: its confidence is 1; probabilities and members stay those of the model."""
    is_medical = modality != NON_MEDICAL
    return replace(
        verdict,
        modality=modality,
        is_medical=is_medical,
        confidence=1.0,
        medical=Medical(float(is_medical), True),
        sure=True,
        contains=(modality,) if is_medical else (),
        corrected=True,
    )


def context_column(joined: Verdict | None) -> dict[str, Any] | None:
    """The context of an image as it is stored, with what it changes in the verdict.

    `answer` has the columns of `verdicts` that counts.py reads.
    """
    if joined is None or joined.context is None:
        return None
    context = joined.context
    return {
        "modality": context.modality,
        "sure": context.sure,
        "quote": clean(context.quote)[:QUOTE_CHARS],
        "from": context.source,
        "agrees": context.agrees,
        "answer": {
            "modality": joined.modality,
            "is_medical": joined.is_medical,
            "confidence": joined.confidence,
            "uncertain": joined.uncertain,
            "medical": {"probability": joined.medical.probability, "sure": joined.medical.sure},
            "open": joined.open,
            "contains": list(joined.contains),
        },
    }


def context_of(column: Mapping[str, Any] | None) -> Context | None:
    """The context alone, as it stood beside the answer of its scan."""
    return Context(column["modality"], column["sure"], column["quote"], column["from"], column["agrees"]) if column else None


def joined_with(verdict: Verdict, column: Mapping[str, Any] | None) -> Verdict:
    """`verdict` joined with the context in `column`. A correction stays as it is; the context then agrees with it or not."""
    if column is None or (context := context_of(column)) is None:
        return verdict
    if verdict.corrected:
        return replace(verdict, context=replace(context, agrees=context.modality == verdict.modality))
    answer = column["answer"]
    return replace(
        verdict,
        modality=answer["modality"],
        is_medical=answer["is_medical"],
        confidence=answer["confidence"],
        medical=Medical(answer["medical"]["probability"], answer["medical"]["sure"]),
        sure=not answer["uncertain"],
        open_with_context=answer["open"],
        contains=tuple(answer["contains"]),
        context=context,
    )


def panels_column(panels: Sequence[Panel]) -> list[dict[str, Any]] | None:
    return [{"box": list(panel.box), **verdict_columns(panel.verdict)} for panel in panels] or None


def panels_of(column: list[dict[str, Any]] | None, *, cached: bool) -> tuple[Panel, ...]:
    return tuple(Panel(cast(Box, tuple(panel["box"])), verdict_of(panel, cached=cached)) for panel in column or ())


def place_column(place: Place) -> dict[str, Any]:
    columns = {
        "url": clean_or_none(place.url, URL_CHARS),
        "kind": place.kind,
        "page": place.page,
        "alt": clean_or_none(place.alt, ALT_CHARS),
        "box": list(place.box) if place.box and all(map(math.isfinite, place.box)) else None,  # JSON has no NaN
        "tag": clean_or_none(place.tag, ALT_CHARS),
    }
    return {name: value for name, value in columns.items() if value is not None}


def place_of(column: dict[str, Any]) -> Place:
    box = column.get("box")
    return Place(
        url=column.get("url"),
        kind=column["kind"],
        page=column.get("page"),
        alt=column.get("alt"),
        box=cast(Box, tuple(box)) if box else None,
        tag=column.get("tag"),
    )


def image_columns(image: UniqueImage) -> dict[str, Any]:
    return {
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "size": image.size,
        "phash": image.phash,
        "grey": image.grey,
    }


def judged_of(row: Row, *, cached: bool, with_context: bool = True) -> JudgedImage:
    """From a row of `images` joined with `verdicts`, and with `scan_images` where places and context are wanted, without bytes."""
    image = UniqueImage(
        sha256=row["sha256"],
        width=row["width"],
        height=row["height"],
        format=row["format"],
        size=row["size"],
        places=tuple(place_of(place) for place in row.get("places", ())),
        data=b"",
        phash=row["phash"],
        grey=row.get("grey"),
        near_duplicate_of=row.get("near_duplicate_of"),
    )
    verdict = verdict_of(row, cached=cached, corrected_as=row["corrected_as"])
    if with_context:
        verdict = joined_with(verdict, row.get("context"))
    return JudgedImage(image, verdict, panels_of(row["panels"], cached=cached))


def _numbers(probabilities: Probabilities) -> list[float]:
    return [float(probabilities[modality]) for modality in MODALITIES]


def _named(numbers: Sequence[float]) -> dict[Modality, float]:
    return dict(zip(MODALITIES, numbers, strict=True))
