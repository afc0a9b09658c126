"""Which subcommand is which function. The functions import what they need when they run."""

from __future__ import annotations

import typer

from server.cli import config


def all_commands(app: typer.Typer) -> None:
    """Give every subcommand of the contract to `app`."""
    app.command()(config.config)
