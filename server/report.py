"""A Report as the contract's JSON: the one place where records get their public names.

Counts are over unique images: exact copies are one image anyway, near duplicates are left to their original. It knows records only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from server.records import MODALITIES, JudgedImage, Place, Report, Verdict


def report_json(report: Report) -> dict[str, Any]:
    return {
        "id": str(report.id),
        "source": {"target": report.target, "kind": report.kind, "title": report.title},
        "status": report.status,
        "error": {"code": report.error.code, "message": report.error.message} if report.error else None,
        "model_version": report.model_version,
        "created_at": moment_json(report.created_at),
        "started_at": moment_json(report.started_at),
        "finished_at": moment_json(report.finished_at),
        "timings_ms": {stage: round(taken, 1) for stage, taken in report.timings_ms.items()},
        "counts": counts_json(report),
        "images": [image_json(judged) for judged in report.images],
    }


def counts_json(report: Report) -> dict[str, Any]:
    verdicts = [judged.verdict for judged in report.images if judged.image.near_duplicate_of is None]
    return {
        "found": report.found,
        "unique": len(verdicts),
        "medical": sum(verdict.is_medical for verdict in verdicts),
        "uncertain": sum(verdict.uncertain for verdict in verdicts),
        "cached": sum(verdict.cached for verdict in verdicts),
        "skipped": dict(report.skipped),
        "by_modality": {name: sum(verdict.modality == name for verdict in verdicts) for name in MODALITIES},
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
        "verdict": verdict_json(judged.verdict),
        "panels": [{"box": list(panel.box), "verdict": verdict_json(panel.verdict)} for panel in judged.panels],
    }


def place_json(place: Place) -> dict[str, Any]:
    return {
        "url": place.url,
        "page": place.page,
        "kind": place.kind,
        "alt": place.alt,
        "box": list(place.box) if place.box else None,
        "tag": place.tag,
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "modality": verdict.modality,
        "is_medical": verdict.is_medical,
        "confidence": verdict.confidence,
        "probabilities": _named(verdict.probabilities),
        "uncertain": verdict.uncertain,
        "agree": verdict.agree,
        "members": {name: _named(said) for name, said in verdict.members.items()},
        "cached": verdict.cached,
        "corrected": verdict.corrected,
        "model_version": verdict.model_version,
    }


def moment_json(moment: datetime | None) -> str | None:
    """ISO 8601 with its zone."""
    return moment.isoformat() if moment else None


def _named(shares: Mapping[Any, float]) -> dict[str, float]:
    return {str(name): float(share) for name, share in shares.items()}
