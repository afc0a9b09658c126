"""`medlens config`: every setting, its value and where it came from. Secrets show only that they are set."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def config(as_json: Annotated[bool, typer.Option("--json", help="As one JSON list.")] = False) -> None:
    """Every setting, its value and where it came from."""
    from server.settings import every_setting, load_settings

    rows = every_setting(load_settings())
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for heading in ("setting", "value", "from", "what it is"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        value = "" if row["value"] is None else str(row["value"])
        style = "" if row["source"] == "default" else "bold"
        table.add_row(
            row["name"], Text(value, style=style), Text(row["source"], style=style or "bright_black"), Text(row["description"])
        )
    Console().print(table)
