"""Search by any part of a word, without pg_trgm (the wheel has none): trigrams, and the first one or two letters of each word.

The first migration defines `medlens_grams(text) -> text[]`, whose values are in an inverted index on `scans`. All words of a query
must occur: three letters or more match anywhere, one or two letters match the beginning of a word.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, FromClause, and_, cast, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from server.store.columns import clean
from server.store.tables import scans

GRAM = 3
QUERY_CHARS = 200  # nobody types more; a longer text is cut


def matches(query: str, table: FromClause = scans) -> ColumnElement[bool] | None:
    """The condition on `scans`, or an alias of it, for these words, or None when there are none."""
    words = clean(query, QUERY_CHARS).lower().split()
    if not words:
        return None
    pieces: set[str] = set()
    conditions: list[ColumnElement[bool]] = []
    for word in words:
        if len(word) < GRAM:
            pieces.add(" " * (GRAM - len(word)) + word)
        else:
            pieces.update(word[i : i + GRAM] for i in range(len(word) - GRAM + 1))
            conditions.append(table.c.search.contains(word, autoescape=True))
    wanted = cast(literal(sorted(pieces), ARRAY(Text)), ARRAY(Text))
    return and_(func.medlens_grams(table.c.search).op("@>")(wanted), *conditions)
