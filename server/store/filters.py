"""The filters of the history and of the exports, as conditions on the table of scans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, any_, exists, false, func, literal, or_, tuple_

from server.contract.modalities import Modality
from server.contract.records import SourceKind, Status
from server.store.columns import clean
from server.store.tables import scans
from server.store.tags import scans_tagged
from server.store.text_search import matches

# Filters for scans with at least one such image; each has a column that counts them.
SWITCHES = ("uncertain", "disagreeing", "context_disagreeing", "corrected")
_newer = scans.alias("newer")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which scans to list; None does not filter. `since` is included, `until` is not.

    `modality`: scans with an image that is, or as a figure contains, this modality.
    `tag`: scans that carry this tag, or have an image that does.
    `q`: words that must all occur in title or address. The switches select scans with at least one such image, and `confidence`
    those with an image whose confidence lies between these tenths (from 0 to CONFIDENCE_BINS). `url`: scans of exactly this
    normalised address. `fold`: of the matching scans of an address only the newest.
    """

    q: str | None = None
    modality: Modality | None = None
    status: Status | None = None
    kind: SourceKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    uncertain: bool = False
    disagreeing: bool = False
    context_disagreeing: bool = False
    corrected: bool = False
    tag: str | None = None
    confidence: tuple[int, int] | None = None
    url: str | None = None
    fold: bool = False


def conditions_for(filters: Filters, table: FromClause = scans) -> list[ColumnElement[bool]]:
    """The filters as SQL conditions on `scans` or an alias of it, written like those of the partial indexes, for the planner."""
    columns = table.c
    conditions: list[ColumnElement[bool]] = [columns.deleted_at.is_(None)]
    if filters.q and (found := matches(filters.q, table)) is not None:
        conditions.append(found)
    if filters.modality:
        conditions.append(_literal(filters.modality) == any_(columns.modalities))
    conditions += [columns[name] > _literal(0) for name in SWITCHES if getattr(filters, name)]
    if filters.confidence:
        conditions.append(or_(false(), *(columns.confidence_bins[tenth + 1] > 0 for tenth in range(*filters.confidence))))
    if filters.tag:
        conditions.append(columns.id.in_(scans_tagged(filters.tag)))
    if filters.status:
        conditions.append(columns.status == filters.status)
    if filters.kind:
        conditions.append(columns.kind == filters.kind)
    if filters.since:
        conditions.append(columns.created_at >= filters.since)
    if filters.until:
        conditions.append(columns.created_at < filters.until)
    if filters.url:
        conditions += of_address(table, clean(filters.url))
    if filters.fold:
        newer = [*of_address(_newer, table.c.url), *conditions_for(replace(filters, fold=False, url=None), _newer)]
        conditions.append(
            ~exists().where(*newer, tuple_(_newer.c.created_at, _newer.c.id) > tuple_(columns.created_at, columns.id))
        )
    return conditions


def of_address(table: FromClause, url: ColumnElement[str | None] | str) -> list[ColumnElement[bool]]:
    """Conditions on `scans` or an alias of it, written for its index of hashed addresses."""
    return [func.md5(table.c.url) == func.md5(url), table.c.url == url]


def _literal(value: int | str) -> ColumnElement[Any]:
    """`value` as a literal in the statement: with a parameter the planner could not see that a partial index applies."""
    return literal(value, literal_execute=True)
