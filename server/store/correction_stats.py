"""How often people's labels agree with the model's verdicts, and which modalities are confused.

Each image that a person labelled counts once, with its newest label; near duplicates that only follow a correction do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.contract.modalities import MODALITIES, Modality


class Pair(NamedTuple):
    """The modality of the model's verdict, and of the person's label."""

    model: Modality
    person: Modality


@dataclass(frozen=True, slots=True)
class CorrectionStats:
    """Labelled images by the modality of the model and of the person."""

    pairs: Mapping[Pair, int]

    @property
    def images(self) -> int:
        return sum(self.pairs.values())

    @property
    def confirmed(self) -> int:
        """Images on which the model was right."""
        return sum(n for pair, n in self.pairs.items() if pair.model == pair.person)

    def of_verdict(self, modality: Modality) -> tuple[int, int]:
        """How many verdicts of this modality were labelled, and how many of them were right."""
        reviewed = sum(n for pair, n in self.pairs.items() if pair.model == modality)
        return reviewed, self.pairs.get(Pair(modality, modality), 0)

    def confusion(self) -> dict[Modality, dict[Modality, int]]:
        """Counts by the model's modality, then the person's; every modality is present."""
        return {model: {person: self.pairs.get(Pair(model, person), 0) for person in MODALITIES} for model in MODALITIES}


COUNT_PAIRS = text("""
SELECT coalesce(verdicts.modality, label.previous) AS model, label.modality AS person, count(*)
FROM (
    SELECT DISTINCT ON (sha256) sha256, modality, previous, model_version FROM feedback
    WHERE undone_at IS NULL AND spread_from IS NULL AND created_at >= :since AND created_at < :until ORDER BY sha256, id DESC
) AS label
LEFT JOIN verdicts ON verdicts.sha256 = label.sha256 AND verdicts.model_version = label.model_version
WHERE coalesce(verdicts.modality, label.previous) IS NOT NULL
GROUP BY 1, 2
""")


async def correction_stats(connection: AsyncConnection, since: datetime, until: datetime) -> CorrectionStats:
    """Labels given in this time; `since` is included, `until` is not."""
    rows = await connection.execute(COUNT_PAIRS, {"since": since, "until": until})
    return CorrectionStats({Pair(model, person): n for model, person, n in rows})
