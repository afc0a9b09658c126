"""Alembic, called from the program: bring a connection's tables up to date, or back. Imported only when there is work to do."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from server.store.revisions import MIGRATIONS


def config_for(connection: Connection) -> Config:
    """Alembic's configuration for our migrations, run on `connection`, in its transaction."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def upgrade(connection: Connection, revision: str = "head") -> None:
    command.upgrade(config_for(connection), revision)


def downgrade(connection: Connection, revision: str) -> None:
    command.downgrade(config_for(connection), revision)
