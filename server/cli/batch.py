"""`medlens batch`: puts many targets on the queue of a running service, and can wait for them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from server.contract.errors import RequestError
from server.settings import load_settings

List = Annotated[str, typer.Argument(metavar="FILE|-", help="Targets, one a line; lines that begin with # are left out.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until all are done.")]


def batch(targets: List, wait: Wait = False) -> None:
    """Put many targets on the queue."""
    from server.cli.batching import run_batch

    lines = [line.strip() for line in _read(targets).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    raise typer.Exit(1 if asyncio.run(run_batch(load_settings(), lines, wait=wait)) else 0)


def _read(targets: str) -> str:
    """The list's text. Raises RequestError for a file that cannot be read, or that is no text."""
    try:
        return sys.stdin.read() if targets == "-" else Path(targets).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RequestError(f"{targets!r} cannot be read: {reason}") from None
