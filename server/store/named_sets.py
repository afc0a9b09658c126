"""Named sets of scans and images, and notes: the tables of tags and collections, and what both kinds of set share.

A tag and a collection are the same thing with another use: a name, and items, each a scan or an image (docs/decisions/tags-and-
collections.md). Deleting a set or removing an item only marks it, so that it can be undone; the purge (deletion.py) removes it.
"""

from __future__ import annotations

import unicodedata
from typing import Any, Literal, TypeAlias

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    ForeignKey,
    FromClause,
    Identity,
    Index,
    Integer,
    ScalarSelect,
    String,
    Table,
    Text,
    Uuid,
    func,
    select,
    text,
    union,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import CompoundSelect

from server.contract.errors import RequestError
from server.store.columns import Sha256, clean, metadata, timestamp
from server.store.tables import scan_images

SetKind: TypeAlias = Literal["tag", "collection"]
NAME_CHARS = 80  # of a tag or a collection: one line of a narrow list
NOTE_CHARS = 10_000  # about four pages of text; more belongs into a document
CHANGING_SETS = 0x6D65645F  # the advisory lock of every change of sets: people change them, one at a time is quick enough

named_sets = Table(
    "named_sets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),  # the name without the differences that do not count (`key_of`)
    Column("note", Text, nullable=False, server_default=""),
    timestamp("created_at", nullable=False, default=True),
    timestamp("changed_at", nullable=False, default=True),
    timestamp("deleted_at"),
)
# One set of each name, and the list of names in order.
Index("ix_named_sets_key", named_sets.c.kind, named_sets.c.key, unique=True, postgresql_where=named_sets.c.deleted_at.is_(None))

set_items = Table(
    "set_items",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("set_id", Uuid, ForeignKey("named_sets.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("scan_id", Uuid, ForeignKey("scans.id", ondelete="CASCADE")),
    Column("sha256", Sha256, ForeignKey("images.sha256", ondelete="CASCADE")),
    # the scan from which the image was added: its page, caption and context are those to show
    Column("found_in", Uuid, ForeignKey("scans.id", ondelete="SET NULL")),
    timestamp("added_at", nullable=False, default=True),
    timestamp("removed_at"),
    CheckConstraint("num_nonnulls(scan_id, sha256) = 1", name="one"),
    Index("ix_set_items_order", "set_id", "position"),
)
# The sets of a scan or an image; each is in a set once.
Index(
    "ix_set_items_scan_id", set_items.c.scan_id, set_items.c.set_id, unique=True, postgresql_where=set_items.c.scan_id.is_not(None)
)
Index("ix_set_items_sha256", set_items.c.sha256, set_items.c.set_id, unique=True, postgresql_where=set_items.c.sha256.is_not(None))
# A scan that is purged is forgotten by the images that were added from it.
Index("ix_set_items_found_in", set_items.c.found_in, postgresql_where=set_items.c.found_in.is_not(None))

notes = Table(
    "notes",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("scan_id", Uuid, ForeignKey("scans.id", ondelete="CASCADE")),
    Column("sha256", Sha256, ForeignKey("images.sha256", ondelete="CASCADE")),
    Column("text", Text, nullable=False),
    timestamp("changed_at", nullable=False, default=True),
    CheckConstraint("num_nonnulls(scan_id, sha256) = 1", name="one"),
    Index("ix_notes_scan_id", "scan_id", unique=True),
    Index("ix_notes_sha256", "sha256", unique=True),
)

# An image that a person has marked: tagged, noted, or put into a collection. For statements that name {table}.sha256.
MARKED_IMAGE = """(
    EXISTS (SELECT FROM set_items WHERE set_items.sha256 = {table}.sha256)
    OR EXISTS (SELECT FROM notes WHERE notes.sha256 = {table}.sha256)
)"""


def marked_scans() -> CompoundSelect[tuple[object]]:
    """Ids of scans that are marked, or have an image that is; retention keeps them."""
    of_items = select(scan_images.c.scan_id).join(set_items, set_items.c.sha256 == scan_images.c.sha256)
    of_notes = select(scan_images.c.scan_id).join(notes, notes.c.sha256 == scan_images.c.sha256)
    return union(
        select(set_items.c.scan_id).where(set_items.c.scan_id.is_not(None)),
        select(notes.c.scan_id).where(notes.c.scan_id.is_not(None)),
        of_items,
        of_notes,
    )


def tags_of(item: ColumnElement[bool], items: FromClause = set_items) -> ScalarSelect[Any]:
    """The names of an item's tags, in alphabetical order; NULL for none. `item`: which rows of `items` are the item."""
    return (
        select(func.array_agg(aggregate_order_by(named_sets.c.name, named_sets.c.key)))
        .join_from(items, named_sets, named_sets.c.id == items.c.set_id)
        .where(item, named_sets.c.kind == "tag", named_sets.c.deleted_at.is_(None))
        .scalar_subquery()
    )


def name_of(text_given: str, what: str) -> str:
    """The name to store: one line, without needless spaces. RequestError if nothing is left or it is too long."""
    name = " ".join(clean(text_given).split())
    if not name:
        raise RequestError(f"a {what} needs a name")
    if len(name) > NAME_CHARS:
        raise RequestError(f"the name of a {what} has {NAME_CHARS} characters at most")
    return name


def key_of(name: str) -> str:
    """What two equal names have in common: "CT Thorax" and "ct thorax" are one."""
    return unicodedata.normalize("NFKC", name).casefold()


def note_of(text_given: str) -> str:
    """The note to store; RequestError if it is too long."""
    note = clean(text_given).replace("\r\n", "\n").strip()
    if len(note) > NOTE_CHARS:
        raise RequestError(f"a note has {NOTE_CHARS} characters at most")
    return note


async def change_alone(connection: AsyncConnection) -> None:
    """Let no other transaction change sets until this one ends."""
    await connection.execute(select(func.pg_advisory_xact_lock(CHANGING_SETS)))


async def remove_empty_tags(connection: AsyncConnection) -> None:
    """Remove tags that nothing carries."""
    await connection.execute(EMPTY_TAGS)


EMPTY_TAGS = text("""
DELETE FROM named_sets WHERE kind = 'tag' AND NOT EXISTS (SELECT FROM set_items WHERE set_items.set_id = named_sets.id)
""")
