"""`medlens config`: every setting, its value and where it came from. Secrets show only that they are set."""

from __future__ import annotations

import json
import os
from typing import Annotated, Any

import typer
from dotenv import dotenv_values
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from server.settings import PREFIX, Settings, load_settings


def origin_of(name: str) -> str:
    """`environment`, `.env` or `default`: where the value of setting `name` came from."""
    variable = PREFIX + name.upper()
    if variable in {key.upper() for key in os.environ}:
        return "environment"
    if variable in {key.upper() for key in dotenv_values(".env")}:
        return ".env"
    return "default"


def shown(value: Any) -> Any:
    """A value as people write it in the environment; a secret only as "set"."""
    if isinstance(value, SecretStr):
        return "set (hidden)"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return value if value is None or isinstance(value, int | float | bool) else str(value)


def every_setting(settings: Settings) -> list[dict[str, Any]]:
    """name, value, source and description of each knob, in the order of settings.py."""
    return [
        {
            "name": PREFIX + name.upper(),
            "value": shown(getattr(settings, name)),
            "source": origin_of(name),
            "description": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def config(as_json: Annotated[bool, typer.Option("--json", help="As one JSON list.")] = False) -> None:
    """Every setting, its value and where it came from."""
    rows = every_setting(load_settings())
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for heading in ("setting", "value", "from", "what it is"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        value = "" if row["value"] is None else str(row["value"])
        given = "" if row["source"] == "default" else "bold"
        table.add_row(
            row["name"], Text(value, style=given), Text(row["source"], style=given or "bright_black"), Text(row["description"])
        )
    Console().print(table)
