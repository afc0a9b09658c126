"""The images of one scan, or of the scans that the history's filters select, one row for each image, as CSV or JSON.

Streamed: a million images need no more memory here than a hundred.
"""

from __future__ import annotations

import io
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any
from uuid import UUID

from aiohttp import web

from server.contract.csv_table import write_csv
from server.contract.modalities import MODALITIES
from server.contract.report import image_json, moment_json
from server.store import export, scans
from server.store.export import Exported
from server.store.filters import Filters as StoredFilters
from server.web.api.history import filters_of
from server.web.api.shapes import Filters
from server.web.http.attachment import CSV, streamed
from server.web.http.ids import scan_id_of
from server.web.http.keys import DATABASE
from server.web.http.operation import JSON, Answer, Operation, operation, query_of

# Pieces of about this many bytes are sent at once.
PIECE = 64 * 1024
COLUMNS = (
    "scan", "created_at", "kind", "target", "title", "status", "sha256", "url", "page", "alt", "width", "height", "format", "bytes",
    "modality", "is_medical", "confidence", "uncertain", "agree", "corrected", "cached", "near_duplicate_of", "model_version",
    *MODALITIES, "medical_probability", "medical_sure", "sure", "open", "contains",
    "context", "context_agrees", "context_from", "context_quote", "tags", "note",
)  # fmt: skip


def csv_row(row: Exported) -> list[object]:
    judged, verdict = row.judged, row.judged.verdict
    image, place, context = judged.image, next(iter(judged.image.places), None), verdict.context
    return [
        str(row.id) if row.id else None, moment_json(row.created_at), row.kind, row.target, row.title, row.status,
        image.sha256, place.url if place else None, place.page if place else None, place.alt if place else None,
        image.width, image.height, image.format, image.size,
        verdict.modality, verdict.is_medical, round(verdict.confidence, 4), verdict.uncertain, verdict.agree, verdict.corrected,
        verdict.cached, image.near_duplicate_of, verdict.model_version,
        *(round(verdict.probabilities[name], 4) for name in MODALITIES),
        round(verdict.medical.probability, 4), verdict.medical.sure, verdict.sure, verdict.open, " ".join(verdict.contains),
        *((context.modality, context.agrees, context.source, context.quote) if context else (None,) * 4),
        "; ".join(row.tags), row.note,
    ]  # fmt: skip


def json_row(row: Exported) -> Mapping[str, Any]:
    scan = row.id and {
        "id": str(row.id),
        "created_at": moment_json(row.created_at),
        "source": {"target": row.target, "kind": row.kind, "title": row.title},
        "status": row.status,
    }
    return {"scan": scan, **image_json(row.judged), "tags": list(row.tags), "note": row.note}


async def csv_pieces(rows: AsyncIterator[Exported]) -> AsyncIterator[str]:
    out = io.StringIO()
    write_csv(out, [COLUMNS])
    async for row in rows:
        write_csv(out, [csv_row(row)])
        if out.tell() > PIECE:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


async def json_pieces(rows: AsyncIterator[Exported]) -> AsyncIterator[str]:
    """One array, one row per line."""
    pieces, size, before = [], 0, "[\n"
    async for row in rows:
        pieces.append(before + json.dumps(json_row(row), ensure_ascii=False))
        size, before = size + len(pieces[-1]), ",\n"
        if size > PIECE:
            yield "".join(pieces)
            pieces, size = [], 0
    yield "".join(pieces) + ("\n]\n" if before != "[\n" else "[]\n")


Write = Callable[[AsyncIterator[Exported]], AsyncIterator[str]]


async def _stream(
    request: web.Request, write: Write, content_type: str, name: str, scan_id: UUID | None = None
) -> web.StreamResponse:
    filters = StoredFilters() if scan_id else filters_of(query_of(request, Filters))

    async def pieces() -> AsyncGenerator[bytes, None]:
        # type-var: the store's readers are generators, annotated as iterators.
        async with aclosing(export.rows(request.app[DATABASE], filters, scan_id)) as rows, aclosing(write(rows)) as texts:  # type: ignore[type-var]
            async for text in texts:
                yield text.encode()

    return await streamed(request, pieces(), content_type, name, "utf-8")


@operation(
    Operation(
        summary="The images of the history as CSV, one row each",
        tag="history",
        access="caller",
        rate="read",
        query=Filters,
        answers={200: Answer(", ".join(COLUMNS), content_type=CSV)},
    )
)
async def export_csv(request: web.Request) -> web.StreamResponse:
    return await _stream(request, csv_pieces, CSV, "medlens.csv")


@operation(
    Operation(
        summary="The images of one scan as CSV, one row each",
        tag="scans",
        access="caller",
        rate="read",
        answers={200: Answer(", ".join(COLUMNS), content_type=CSV)},
    )
)
async def scan_csv(request: web.Request) -> web.StreamResponse:
    scan_id = scan_id_of(request)
    await scans.status_of(request.app[DATABASE], scan_id)  # NotFound before the file begins
    return await _stream(request, csv_pieces, CSV, f"medlens-{scan_id.hex[:8]}.csv", scan_id)


@operation(
    Operation(
        summary="The same as JSON: an array of images, each with its scan",
        tag="history",
        access="caller",
        rate="read",
        query=Filters,
        answers={200: Answer("an array", content_type=JSON)},
    )
)
async def export_json(request: web.Request) -> web.StreamResponse:
    return await _stream(request, json_pieces, JSON, "medlens.json")
