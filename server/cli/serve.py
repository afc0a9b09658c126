"""`medlens serve` and `medlens worker`: the long-running processes. Knows how they begin, what they print and how they end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from server.settings import load_settings

EXTENSION = Path(__file__).resolve().parents[2] / "extension"

Host = Annotated[str | None, typer.Option(help="Address to listen on; loopback unless you mean it.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="Only the web service; scans wait for a `medlens worker`.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Scans in hand at once.")]
Attached = Annotated[bool, typer.Option(hidden=True, help="Leave when standard input ends, as it does with the server.")]


def serve(host: Host = None, port: Port = None, no_worker: NoWorker = False) -> None:
    """Serve the API and the dashboard, and scan. Ctrl-C stops everything it started."""
    from server.cli.serving import serve as run

    given = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    asyncio.run(run(settings, with_worker=not no_worker))


def worker(concurrency: Concurrency = None, attached: Attached = False) -> None:
    """Scan what is queued, on this or another machine with the same MEDLENS_DATABASE_URL."""
    from server.cli.worker_process import work

    settings = load_settings(**({"scans_at_once": concurrency} if concurrency else {}))
    asyncio.run(work(settings, attached=attached))
