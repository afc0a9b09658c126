"""Writes a Report as JSON.

Counts: `found` is the number of places where an image stood, skipped images included. `unique` is the number of images that remain
when exact copies and near duplicates are folded. `medical`, `uncertain`, `cached` and `by_modality` are counted over these, so
`by_modality` sums to `unique`. An uncertain image counts under its likeliest modality. `timings_ms` has every stage, 0 for stages
that did not run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from server.contract.records import STAGES, JudgedImage, Panel, Place, Report
from server.contract.verdict import Context, Medical, Probabilities, Verdict


def report_json(report: Report) -> dict[str, Any]:
    """The Report as dicts, lists, strings and numbers, with its fields in a fixed order."""
    return {
        "id": str(report.id),
        "source": {"target": report.target, "kind": report.kind, "title": report.title},
        "status": report.status,
        "error": {"code": report.error.code, "message": report.error.message} if report.error else None,
        "notices": [{"code": notice.code, "message": notice.message} for notice in report.notices],
        "model_version": report.model_version,
        "created_at": moment_json(report.created_at),
        "started_at": moment_json(report.started_at),
        "finished_at": moment_json(report.finished_at),
        "timings_ms": {stage: report.timings_ms.get(stage, 0.0) for stage in STAGES},
        "counts": counts_json(report),
        "images": [image_json(judged) for judged in report.images],
    }


def counts_json(report: Report) -> dict[str, Any]:
    unique = [judged.shown for judged in report.images if judged.image.near_duplicate_of is None]
    return {
        "found": report.found,
        "unique": len(unique),
        "medical": sum(verdict.is_medical for verdict in unique),
        "uncertain": sum(verdict.uncertain for verdict in unique),
        "cached": sum(verdict.cached for verdict in unique),
        "skipped": dict(report.skipped),
        "by_modality": dict(Counter(verdict.modality for verdict in unique)),
    }


def image_json(judged: JudgedImage) -> dict[str, Any]:
    image = judged.image
    return {
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "bytes": image.size,
        "near_duplicate_of": image.near_duplicate_of,
        "places": [place_json(place) for place in image.places],
        "verdict": verdict_json(judged.shown),
        "panels": [_panel(panel) for panel in judged.panels],
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "modality": verdict.modality,
        "is_medical": verdict.is_medical,
        "confidence": verdict.confidence,
        "probabilities": _probabilities(verdict.probabilities),
        "medical": {"probability": verdict.medical.probability, "sure": verdict.medical.sure},
        "sure": verdict.sure,
        "uncertain": verdict.uncertain,
        "open": verdict.open,
        "contains": list(verdict.contains),
        "agree": verdict.agree,
        "context": context_json(verdict.context),
        "members": {name: _probabilities(prediction) for name, prediction in verdict.members.items()},
        "cached": verdict.cached,
        "corrected": verdict.corrected,
        "model_version": verdict.model_version,
    }


def verdict_from_json(shown: Mapping[str, Any]) -> Verdict:
    """The Verdict that `verdict_json` wrote."""
    medical = Medical(shown["medical"]["probability"], shown["medical"]["sure"])
    said = shown.get("context")
    context = Context(said["modality"], said["sure"], said["quote"], said["from"], said["agrees"]) if said else None
    facts = {name: value for name, value in shown.items() if name not in ("uncertain", "open", "context")}
    facts |= {"medical": medical, "contains": tuple(shown["contains"])}
    return Verdict(**facts, context=context, open_with_context=shown["open"] if context else None)


def context_json(context: Context | None) -> dict[str, Any] | None:
    if context is None:
        return None
    return {
        "modality": context.modality,
        "sure": context.sure,
        "quote": context.quote,
        "from": context.source,
        "agrees": context.agrees,
    }


def place_json(place: Place) -> dict[str, Any]:
    shown = {
        "url": place.url,
        "page": place.page,
        "kind": place.kind,
        "alt": place.alt,
        "box": list(place.box) if place.box else None,
    }
    return shown | ({"tag": place.tag} if place.tag else {})


def _panel(panel: Panel) -> dict[str, Any]:
    return {"box": list(panel.box), "verdict": verdict_json(panel.verdict)}


def _probabilities(probabilities: Probabilities) -> dict[str, float]:
    return {str(modality): probability for modality, probability in probabilities.items()}


def moment_json(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
