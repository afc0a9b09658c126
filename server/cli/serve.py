"""`medlens serve`: runs the web service with a worker process beside it, and prints where it is."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from server.settings import Settings

EXTENSION = Path(__file__).resolve().parents[2] / "extension"
SHUTDOWN_S = 3.0  # for requests in progress at the end; clients of event streams reconnect by themselves

Host = Annotated[str | None, typer.Option(help="Address to listen on; loopback unless you mean it.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")]
NoWorker = Annotated[bool, typer.Option("--no-worker", help="Only the web service; scans wait for a `medlens worker`.")]


def serve(host: Host = None, port: Port = None, no_worker: NoWorker = False) -> None:
    """Serve the API and the dashboard, and scan. Ctrl-C stops everything it started."""
    from server.settings import load_settings

    given = {"host": host, "port": port}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    asyncio.run(run_service(settings, with_worker=not no_worker))


async def run_service(settings: Settings, *, with_worker: bool) -> None:
    """Serve until SIGINT or SIGTERM. Raises SettingsError when the port is taken."""
    from contextlib import AsyncExitStack

    from aiohttp import web
    from rich.console import Console

    from server.app import create_app
    from server.cli.ending import LEAVE_S, listen
    from server.contract.errors import SettingsError
    from server.jobs.supervisor import GRACE_S, Supervisor
    from server.logs import configure
    from server.web.connection import Runner
    from server.web.http.keys import DATABASE
    from server.web.pages.login import login_link

    configure(settings)
    stopped = listen(leave_s=SHUTDOWN_S + GRACE_S + LEAVE_S)
    app = create_app(settings)
    runner = Runner(app, shutdown_timeout=SHUTDOWN_S, access_log=None)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(_cannot_listen(settings, error)) from None
        port = int(runner.addresses[0][1])
        if with_worker:
            await stack.enter_async_context(Supervisor())
        _greet(f"http://{_host_in_url(settings.host)}:{port}", await login_link(app[DATABASE], settings, port), with_worker)
        await stopped.wait()
        Console(stderr=True).print("stopping", style="bright_black")


def _greet(address: str, link: str, with_worker: bool) -> None:
    """Print the service's address, the one-time link to the dashboard and the extension's folder."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print()
    console.print(f"  [bold]medlens[/bold] serves on [bold]{address}[/bold]")
    console.print()
    console.print(f"  dashboard   {link}", markup=False)
    console.print("              opens once, within a few minutes; `medlens token --link` makes another", style="bright_black")
    if (EXTENSION / "manifest.json").is_file():
        console.print(f"  extension   {EXTENSION}", markup=False)
        console.print("              load it unpacked in the browser's extensions page", style="bright_black")
    if not with_worker:
        console.print("  no worker   scans wait until a `medlens worker` runs", style="yellow")
    console.print("  Ctrl-C stops everything", style="bright_black")
    console.print()


def _host_in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _cannot_listen(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {settings.port} is taken: medlens may be running already; else choose another with --port or MEDLENS_PORT"
    return f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
