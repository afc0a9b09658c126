"""The counts in a scan's own row, computed from its images when it finishes and when a correction changes a verdict.

They are over unique images: exact copies are one row, near duplicates are counted with their original.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.modalities import MODALITIES, NON_MEDICAL
from server.store.tables import CONFIDENCE_BINS

PREVIEWS = 6  # thumbnails of medical images in a row of history, surest first

_BY_MODALITY = ", ".join(f"count(*) FILTER (WHERE modality = '{name}') AS {name}" for name in MODALITIES)
_MET = ", ".join(f"CASE WHEN bool_or(modality = '{name}' OR '{name}' = ANY (contains)) THEN '{name}' END" for name in MODALITIES)
_BINS = ", ".join(
    f"count(*) FILTER (WHERE least(floor(confidence * {CONFIDENCE_BINS}), {CONFIDENCE_BINS - 1}) = {i})"
    for i in range(CONFIDENCE_BINS)
)
_COUNTED = ("unique_images", "medical", "uncertain", "disagreeing", "context_disagreeing", "corrected", "cached", *MODALITIES)

_COUNT = f"""
WITH shown AS (
    SELECT scan_images.scan_id, scan_images.cached, encode(scan_images.sha256, 'hex') AS sha256,
        coalesce(images.corrected_as, context -> 'answer' ->> 'modality', verdicts.modality) AS modality,
        CASE WHEN images.corrected_as IS NOT NULL THEN '{{}}' WHEN context IS NULL THEN verdicts.contains
            ELSE ARRAY(SELECT jsonb_array_elements_text(context -> 'answer' -> 'contains')) END AS contains,
        images.corrected_as IS NOT NULL AS corrected,
        coalesce((context -> 'answer' ->> 'uncertain')::boolean, verdicts.uncertain) AND images.corrected_as IS NULL AS uncertain,
        NOT verdicts.agree AS disagreeing,
        context ->> 'modality' <> coalesce(images.corrected_as, context -> 'answer' ->> 'modality') AS context_disagreeing,
        CASE WHEN images.corrected_as IS NULL THEN coalesce((context -> 'answer' ->> 'confidence')::float8, verdicts.confidence)
            ELSE 1 END AS confidence
    FROM scan_images
    JOIN scans ON scans.id = scan_images.scan_id
    JOIN images ON images.sha256 = scan_images.sha256
    JOIN verdicts ON verdicts.sha256 = scan_images.sha256 AND verdicts.model_version = scans.model_version
    WHERE scan_images.scan_id = ANY(:scan_ids) AND scan_images.near_duplicate_of IS NULL
), counted AS (
    SELECT scan_id,
        count(*) AS unique_images,
        count(*) FILTER (WHERE modality <> '{NON_MEDICAL}') AS medical,
        count(*) FILTER (WHERE uncertain) AS uncertain,
        count(*) FILTER (WHERE disagreeing) AS disagreeing,
        count(*) FILTER (WHERE context_disagreeing) AS context_disagreeing,
        count(*) FILTER (WHERE corrected) AS corrected,
        count(*) FILTER (WHERE cached) AS cached,
        {_BY_MODALITY},
        array_remove(ARRAY[{_MET}], NULL) AS modalities,
        ARRAY[{_BINS}]::integer[] AS confidence_bins,
        coalesce(
            (array_agg(sha256 ORDER BY confidence DESC, sha256) FILTER (WHERE modality <> '{NON_MEDICAL}'))[1:{PREVIEWS}], '{{}}'
        ) AS previews
    FROM shown GROUP BY scan_id
)
"""  # noqa: S608 -- made of names from this program only
RECOUNT = f"""{_COUNT}
UPDATE scans SET
    {", ".join(f"{name} = coalesce(counted.{name}, 0)" for name in _COUNTED)},
    modalities = coalesce(counted.modalities, '{{}}'),
    confidence_bins = coalesce(counted.confidence_bins, '{{}}'),
    previews = coalesce(counted.previews, '{{}}')
FROM unnest(:scan_ids) AS wanted (id) LEFT JOIN counted ON counted.scan_id = wanted.id
WHERE scans.id = wanted.id
"""  # noqa: S608 -- made of names from this program only

COUNTED = text(f"{_COUNT} SELECT {', '.join(_COUNTED)}, scan_id, coalesce(previews, '{{}}') AS previews FROM counted")  # noqa: S608 -- the same


async def counted(connection: AsyncConnection, scan_ids: Iterable[UUID]) -> dict[UUID, RowMapping]:
    """The counts of scans that still run, without writing them. Scans that have no image yet are absent."""
    rows = await connection.execute(COUNTED, {"scan_ids": list(scan_ids)})
    return {row["scan_id"]: row for row in rows.mappings()}


async def recount(connection: AsyncConnection, scan_ids: Iterable[UUID]) -> None:
    """Write the counts of these scans, locked in the order of their ids so that two recounts cannot deadlock."""
    ids = sorted(set(scan_ids))
    if ids:
        await connection.execute(
            text("SELECT 1 FROM scans WHERE id = ANY(:scan_ids) ORDER BY id FOR NO KEY UPDATE"), {"scan_ids": ids}
        )
        await connection.execute(text(RECOUNT), {"scan_ids": ids})
