"""Images that people labelled: with the members' predictions, to refit the ensemble, and as a data set to download.

Each image has its newest label; images that only follow the correction of a near duplicate are left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import text

from server.contract.modalities import NON_MEDICAL, Modality
from server.store.columns import digest
from server.store.database import Database

AT_ONCE = 200  # thumbnails fetched in one round trip: a few megabytes

LABELS = """
SELECT DISTINCT ON (feedback.sha256) feedback.sha256, feedback.modality, feedback.id
FROM feedback WHERE undone_at IS NULL AND spread_from IS NULL ORDER BY feedback.sha256, feedback.id DESC
"""
# The members' predictions for a figure are those for its most surely medical panel, and a correction is about the whole. For a
# figure of several modalities both may be right and differ, so it is left out, unless the correction says that nothing is medical.
PREDICTED = text(f"""
SELECT DISTINCT ON (label.sha256) label.sha256, label.modality, verdicts.members
FROM ({LABELS}) AS label
JOIN verdicts ON verdicts.sha256 = label.sha256 AND verdicts.model_version = ANY(:versions)
WHERE cardinality(verdicts.contains) < 2 OR label.modality = '{NON_MEDICAL}'
ORDER BY label.sha256, verdicts.created_at DESC
""")  # noqa: S608 -- made of texts of this module
# `previous` is the model's verdict, whatever corrections came before the newest one.
DATA_SET = text(f"""
SELECT label.sha256, label.modality AS label, coalesce(verdicts.modality, feedback.previous) AS previous, feedback.created_at,
    thumbnails.sha256 IS NOT NULL AS has_thumbnail
FROM ({LABELS}) AS label
JOIN feedback ON feedback.id = label.id
LEFT JOIN verdicts ON verdicts.sha256 = label.sha256 AND verdicts.model_version = feedback.model_version
LEFT JOIN thumbnails ON thumbnails.sha256 = label.sha256
ORDER BY label.id
""")  # noqa: S608 -- likewise
THUMBNAILS = text("SELECT sha256, webp FROM thumbnails WHERE sha256 = ANY(:shas)")


@dataclass(frozen=True, slots=True)
class LabelledPrediction:
    """A person's label and each member's prediction: one probability per modality, in the order of MODALITIES."""

    sha256: str
    label: Modality
    members: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """A row of the data set. `previous`: the modality of the model's verdict."""

    sha256: str
    label: Modality
    previous: Modality | None
    has_thumbnail: bool


async def labelled_predictions(database: Database, versions: Collection[str]) -> list[LabelledPrediction]:
    """Labelled images that one of these model versions judged."""
    async with database.begin() as connection:
        rows = await connection.execute(PREDICTED, {"versions": sorted(versions)})
        return [LabelledPrediction(bytes(row.sha256).hex(), cast(Modality, row.modality), row.members) for row in rows]


async def data_set(database: Database) -> list[LabelledImage]:
    """Every labelled image, in the order of the labels. The number of rows is bounded by what people label by hand."""
    async with database.begin() as connection:
        rows = await connection.execute(DATA_SET)
        return [LabelledImage(bytes(row.sha256).hex(), row.label, row.previous, row.has_thumbnail) for row in rows]


async def labelled_thumbnails(database: Database, shas: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
    """The thumbnails of these images that are still kept (SHA-256, WebP), with AT_ONCE of them in memory."""
    for begin in range(0, len(shas), AT_ONCE):
        chunk = [digest(sha256) for sha256 in shas[begin : begin + AT_ONCE]]
        async with database.begin() as connection:
            found = (await connection.execute(THUMBNAILS, {"shas": chunk})).all()
        for sha256, webp in found:
            yield bytes(sha256).hex(), bytes(webp)
