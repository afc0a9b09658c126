"""Which subcommand is which function. The functions import what they need when they run."""

from __future__ import annotations

import typer

from server.cli import batch, browser, cluster, config, db, evaluate, explain, models, scan, serve, token, train


def all_commands(app: typer.Typer) -> None:
    """Give every subcommand of the contract to `app`."""
    app.command()(serve.serve)
    app.command()(serve.worker)
    app.command()(scan.scan)
    app.command()(batch.batch)
    app.command()(explain.explain)
    app.command()(cluster.cluster)
    app.add_typer(train.app, name="train")
    app.command()(evaluate.evaluate)
    app.add_typer(models.app, name="models")
    app.command()(token.token)
    app.add_typer(db.app, name="db")
    app.command()(browser.browser)
    app.command()(config.config)
