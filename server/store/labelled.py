"""What people said of images, for learning: with what the members had said, and as a data set to take away.

The last that was said of each image counts, and only of the image itself. Knows rows; what is learned is server/training's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import text

from server.contract.records import Modality
from server.store.database import Database
from server.store.types import digest

AT_ONCE = 200  # pictures fetched in one round trip: a few megabytes

LABELS = """
SELECT DISTINCT ON (feedback.sha256) feedback.sha256, feedback.modality, feedback.id
FROM feedback WHERE undone_at IS NULL AND spread_from IS NULL ORDER BY feedback.sha256, feedback.id DESC
"""
ANSWERED = text(f"""
SELECT DISTINCT ON (said.sha256) said.sha256, said.modality, verdicts.members
FROM ({LABELS}) AS said
JOIN verdicts ON verdicts.sha256 = said.sha256 AND verdicts.model_version = ANY(:versions)
ORDER BY said.sha256, verdicts.created_at DESC
""")  # noqa: S608 -- made of texts of this module
# What the model said first is what a data set's `previous` means, whatever people said in between.
DATA_SET = text(f"""
SELECT said.sha256, said.modality AS label, coalesce(verdicts.modality, feedback.previous) AS previous, feedback.created_at,
    thumbnails.sha256 IS NOT NULL AS has_picture
FROM ({LABELS}) AS said
JOIN feedback ON feedback.id = said.id
LEFT JOIN verdicts ON verdicts.sha256 = said.sha256 AND verdicts.model_version = feedback.model_version
LEFT JOIN thumbnails ON thumbnails.sha256 = said.sha256
ORDER BY said.id
""")  # noqa: S608 -- likewise
PICTURES = text("SELECT sha256, webp FROM thumbnails WHERE sha256 = ANY(:shas)")


@dataclass(frozen=True, slots=True)
class Answered:
    """What a person says an image is, and what each member had said: six probabilities in the order of MODALITIES."""

    sha256: str
    label: Modality
    members: Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A row of the data set. `previous`: what the model had said."""

    sha256: str
    label: Modality
    previous: Modality | None
    has_picture: bool


async def answered(database: Database, versions: Collection[str]) -> list[Answered]:
    """Corrected images that one of these model versions judged."""
    async with database.begin() as connection:
        rows = await connection.execute(ANSWERED, {"versions": sorted(versions)})
        return [Answered(bytes(row.sha256).hex(), cast(Modality, row.modality), row.members) for row in rows]


async def data_set(database: Database) -> list[Labelled]:
    """Every image of which a person has spoken, in the order in which they did: as many rows as people have patience."""
    async with database.begin() as connection:
        rows = await connection.execute(DATA_SET)
        return [Labelled(bytes(row.sha256).hex(), row.label, row.previous, row.has_picture) for row in rows]


async def pictures(database: Database, shas: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
    """The small copies of these images that are still kept (WebP), AT_ONCE in memory."""
    for begin in range(0, len(shas), AT_ONCE):
        some = [digest(sha256) for sha256 in shas[begin : begin + AT_ONCE]]
        async with database.begin() as connection:
            found = (await connection.execute(PICTURES, {"shas": some})).all()
        for sha256, webp in found:
            yield bytes(sha256).hex(), bytes(webp)
