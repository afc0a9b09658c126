"""What people said of answers: how often they agreed with the model, and what they said instead. Reads corrections, changes none.

Only what a person said of an image itself counts, the last of it, once; what reached near duplicates from there does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.records import MODALITIES, Modality


class Pair(NamedTuple):
    """The model's answer, and the person's."""

    model: Modality
    person: Modality


@dataclass(frozen=True, slots=True)
class Corrections:
    """Reviewed images by what the model and the person said of them."""

    pairs: Mapping[Pair, int]

    @property
    def images(self) -> int:
        return sum(self.pairs.values())

    @property
    def confirmed(self) -> int:
        """Images of which the model had been right."""
        return sum(n for pair, n in self.pairs.items() if pair.model == pair.person)

    def of_answer(self, modality: Modality) -> tuple[int, int]:
        """How many answers of this modality were reviewed, and how many of them were right."""
        reviewed = sum(n for pair, n in self.pairs.items() if pair.model == modality)
        return reviewed, self.pairs.get(Pair(modality, modality), 0)

    def confusion(self) -> dict[Modality, dict[Modality, int]]:
        """By the model's answer, then the person's; every modality is there."""
        return {model: {person: self.pairs.get(Pair(model, person), 0) for person in MODALITIES} for model in MODALITIES}


SAID = text("""
SELECT coalesce(verdicts.modality, said.previous) AS model, said.modality AS person, count(*)
FROM (
    SELECT DISTINCT ON (sha256) sha256, modality, previous, model_version FROM feedback
    WHERE undone_at IS NULL AND spread_from IS NULL AND created_at >= :since AND created_at < :until ORDER BY sha256, id DESC
) AS said
LEFT JOIN verdicts ON verdicts.sha256 = said.sha256 AND verdicts.model_version = said.model_version
WHERE coalesce(verdicts.modality, said.previous) IS NOT NULL
GROUP BY 1, 2
""")


async def said(connection: AsyncConnection, since: datetime, until: datetime) -> Corrections:
    """What was said in this time; `since` is included, `until` is not."""
    rows = await connection.execute(SAID, {"since": since, "until": until})
    return Corrections({Pair(model, person): n for model, person, n in rows})
