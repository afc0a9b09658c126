"""Migrations run from the program: which one is the newest, and Alembic to get there and back.

Alembic takes longer to import than it takes to see that nothing is to be done, which is what most starts see. It is therefore
imported only when there is work, and the newest migration is read from the files' names: they are numbered in order (tested).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def newest_revision() -> str:
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables up to `revision`, in the connection's transaction."""
    from alembic import command  # noqa: PLC0415 - see above

    command.upgrade(config_for(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    from alembic import command  # noqa: PLC0415 - see above

    command.downgrade(config_for(connection), revision)


def config_for(connection: Connection) -> Config:
    """Alembic's configuration for the migrations of this program, run on `connection`."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config
