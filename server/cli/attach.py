"""Which subcommand is which function. The functions import what they need when they run."""

from __future__ import annotations

import typer

from server.cli import batch, browser, config, db, scan, serve, token


def all_commands(app: typer.Typer) -> None:
    """Give every subcommand of the contract to `app`."""
    app.command()(serve.serve)
    app.command()(serve.worker)
    app.command()(scan.scan)
    app.command()(batch.batch)
    app.command()(token.token)
    app.add_typer(db.app, name="db")
    app.command()(browser.browser)
    app.command()(config.config)
