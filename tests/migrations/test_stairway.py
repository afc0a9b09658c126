"""Migrations: each goes up, down and up again; one head; no drift from the tables; and the command line does the same."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from procrastinate.schema import SchemaManager
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from sqlalchemy import URL, Connection, text

from server.settings import Settings
from server.store.columns import metadata
from server.store.daily import figures_days
from server.store.database import Database
from server.store.migrations import MIGRATIONS, downgrade, newest_revision, upgrade
from server.store.named_sets import named_sets
from server.store.review import review_queue
from server.store.tables import scans

# A scan of a figure and of a photo, as revision 0003 knew them.
JUDGED_BEFORE = (
    """INSERT INTO scans (id, kind, target, status, model_version, mri, non_medical)
    VALUES ('00000000-0000-0000-0000-000000000001', 'page', 'x', 'done', 'm', 1, 1)""",
    "INSERT INTO images (sha256, width, height, format, size) VALUES ('\\x01', 9, 9, 'png', 1), ('\\x02', 9, 9, 'png', 1)",
    """INSERT INTO scan_images (scan_id, sha256, position, cached, places)
    SELECT scans.id, sha256, 0, false, '[]' FROM scans, images""",
    """INSERT INTO verdicts
        (sha256, model_version, modality, is_medical, confidence, uncertain, agree, probabilities, members, panels)
    VALUES ('\\x01', 'm', 'mri', true, 0.9, false, true, '{0,0,0.9,0,0,0.1}', '{}', :panels),
        ('\\x02', 'm', 'non_medical', false, 0.6, true, true, '{0,0,0.4,0,0,0.6}', '{}', NULL)""",
)
ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ScriptDirectory(str(MIGRATIONS))
REVISIONS = list(reversed(list(SCRIPTS.walk_revisions())))


@pytest.fixture
async def empty(postgres: URL) -> AsyncIterator[Database]:
    """A database without tables, gone after the test."""
    name = f"empty_{uuid4().hex}"
    plain = postgres.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        url = SecretStr(postgres.set(database=name).render_as_string(hide_password=False))
        async with Database(Settings(database_url=url)) as opened:
            yield opened
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.mark.parametrize("revision", REVISIONS, ids=lambda script: script.revision)
async def test_up_down_up(empty: Database, revision: Script) -> None:
    before = str(revision.down_revision or "base")
    async with empty.begin() as connection:
        await connection.run_sync(upgrade, before) if revision.down_revision else None
        left = await connection.run_sync(_objects)
        await connection.run_sync(upgrade, revision.revision)
        await connection.run_sync(downgrade, before)
        assert await connection.run_sync(_objects) - left <= {"alembic_version", "alembic_version_pkc"}
        await connection.run_sync(upgrade, revision.revision)


async def test_what_was_judged_before_there_were_two_levels_is_carried_over(empty: Database) -> None:
    panels = [{"box": [0, 0, 9, 9], "modality": name, "uncertain": name == "ct"} for name in ("mri", "ct", "non_medical")]
    async with empty.begin() as connection:
        await connection.run_sync(upgrade, "0003")
        for statement in JUDGED_BEFORE:
            await connection.execute(text(statement), {"panels": json.dumps(panels)} if ":panels" in statement else {})
        await connection.run_sync(upgrade, "0004")
        found = await connection.execute(text("SELECT contains, medical_sure, panels FROM verdicts ORDER BY sha256"))
        figure, plain = (tuple(row) for row in found)
        assert (figure[:2], plain[:2]) == ((["ct", "mri"], True), ([], False))
        assert [(panel["contains"], panel["medical_sure"]) for panel in figure[2]] == [(["mri"], True), (["ct"], False), ([], True)]
        assert await connection.scalar(text("SELECT modalities FROM scans")) == ["ct", "mri", "non_medical"]
        await connection.run_sync(downgrade, "0003")
        assert await connection.scalar(text("SELECT panels FROM verdicts WHERE panels IS NOT NULL")) == panels


def test_there_is_one_head_and_the_files_are_numbered_in_order() -> None:
    assert SCRIPTS.get_heads() == [newest_revision()]
    names = [Path(script.path).name for script in REVISIONS]
    assert names == sorted(names)
    assert all(name.startswith(f"{script.revision}_") for name, script in zip(names, REVISIONS, strict=True))


async def test_the_tables_are_what_the_migrations_make(database: Database) -> None:
    def drift(connection: Connection) -> list[object]:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": lambda _, name, kind, *__: not (kind == "table" and str(name).startswith("procrastinate_"))},
        )
        return list(compare_metadata(context, metadata))

    assert scans.metadata is figures_days.metadata is review_queue.metadata is named_sets.metadata is metadata
    async with database.begin() as connection:
        assert await connection.run_sync(drift) == []


async def test_the_queue_has_the_schema_its_package_ships(database: Database, empty: Database) -> None:
    async with empty.begin() as connection:
        await connection.exec_driver_sql(SchemaManager.get_schema().replace("%", "%%"))
        shipped = await connection.run_sync(_functions)
    async with database.begin() as connection:
        assert await connection.run_sync(_functions) == shipped


def test_migrating_again_does_nothing_and_needs_no_alembic(database_settings: Settings) -> None:
    assert database_settings.database_url is not None
    program = """
import asyncio, sys
from server.settings import load_settings
from server.store.database import Database
async def main():
    async with Database(load_settings()) as database:
        await database.migrate()
asyncio.run(main())
print([name for name in sys.modules if name.split(".")[0] == "alembic"])
"""
    environment = os.environ | {"MEDLENS_DATABASE_URL": database_settings.database_url.get_secret_value()}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_two_processes_may_migrate_at_once(empty: Database) -> None:
    url = SecretStr(empty.url.render_as_string(hide_password=False))
    async with Database(Settings(database_url=url)) as other:
        await asyncio.gather(empty.migrate(), other.migrate())
    async with empty.begin() as connection:
        assert await connection.scalar(text("SELECT version_num FROM alembic_version")) == newest_revision()


@pytest.mark.parametrize("command", [["upgrade", "head"], ["check"], ["downgrade", "base"]])
def test_the_command_line_migrates_too(database_settings: Settings, command: list[str]) -> None:
    assert database_settings.database_url is not None
    environment = os.environ | {"MEDLENS_DATABASE_URL": database_settings.database_url.get_secret_value()}
    done = subprocess.run(
        [sys.executable, "-m", "alembic", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _objects(connection: Connection) -> set[str]:
    found = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype = 'e'
    """
    return set(connection.execute(text(found)).scalars())


def _functions(connection: Connection) -> dict[str, str]:
    """What procrastinate's functions and indexes are; layout and comments aside."""
    found = """
    SELECT proname || pg_get_function_identity_arguments(oid), prosrc FROM pg_proc WHERE proname LIKE 'procrastinate%'
    UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'procrastinate%'
    UNION ALL SELECT table_name || '.' || column_name, data_type || is_nullable
        FROM information_schema.columns WHERE table_name LIKE 'procrastinate%'
    UNION ALL SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE 'procrastinate%'
    """
    return {name: " ".join(body.split()) for name, body in connection.execute(text(found))}
