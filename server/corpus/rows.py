"""The rows of a corpus's Parquet files: one for each image of a document, and one for each error of a document.

docs/scale.md describes the columns for those who read the files.
"""

from __future__ import annotations

import json
from typing import Any

from server.contract.modalities import MODALITIES
from server.contract.records import JudgedImage, Place
from server.contract.report import context_json, place_json
from server.corpus.arrow import pyarrow
from server.corpus.judging import JudgedDocument

ERRORS = "error"  # the partition of rows that are errors
PARTITIONS: tuple[str, ...] = (*MODALITIES, ERRORS)


def rows_of(judged: JudgedDocument) -> list[tuple[str, dict[str, Any]]]:
    """Partition and row of each image and each error of the document."""
    outcome = judged.outcome
    about = {"document": judged.document.name, "document_kind": judged.kind, "title": outcome.title, "status": outcome.status}
    rows = [(str(image.shown.modality), about | _image(image)) for image in outcome.images]
    errors = dict.fromkeys(outcome.notices)
    if outcome.error is not None:
        errors[outcome.error] = None
    return rows + [(ERRORS, about | {"error": error.code, "message": error.message}) for error in errors]


def _image(judged: JudgedImage) -> dict[str, Any]:
    image, shown = judged.image, judged.shown
    return {
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "bytes": image.size,
        "phash": image.phash,
        "grey": image.grey,
        "near_duplicate_of": image.near_duplicate_of,
        "places": [_place(place) for place in image.places],
        "is_medical": shown.is_medical,
        "medical_probability": shown.medical.probability,
        "medical_sure": shown.medical.sure,
        "confidence": shown.confidence,
        "sure": shown.sure,
        "open": shown.open,
        "contains": list(shown.contains),
        "probabilities": {str(name): shown.probabilities[name] for name in MODALITIES},
        "agree": shown.agree,
        "context": json.dumps(context_json(shown.context)) if shown.context else None,
        "panels": len(judged.panels),
        "model_version": shown.model_version,
    }


def _place(place: Place) -> dict[str, Any]:
    shown = place_json(place)
    return {name: shown.get(name) for name in ("url", "page", "kind", "alt", "box")}


def schema() -> Any:
    """The schema of every file, as a pyarrow.Schema. Raises ExtraMissing."""
    arrow = pyarrow()
    text, whole, real, flag = arrow.string(), arrow.int32(), arrow.float64(), arrow.bool_()
    place = [("url", text), ("page", whole), ("kind", text), ("alt", text), ("box", arrow.list_(real))]
    return arrow.schema(
        [
            ("document", text),
            ("document_kind", text),
            ("title", text),
            ("status", text),
            ("sha256", text),
            ("width", whole),
            ("height", whole),
            ("format", text),
            ("bytes", arrow.int64()),
            ("phash", text),
            ("grey", arrow.binary()),
            ("near_duplicate_of", text),
            ("places", arrow.list_(arrow.struct(place))),
            ("is_medical", flag),
            ("medical_probability", real),
            ("medical_sure", flag),
            ("confidence", real),
            ("sure", flag),
            ("open", text),
            ("contains", arrow.list_(text)),
            ("probabilities", arrow.struct([(str(name), real) for name in MODALITIES])),
            ("agree", flag),
            ("context", text),
            ("panels", whole),
            ("model_version", text),
            ("error", text),
            ("message", text),
        ]
    )
