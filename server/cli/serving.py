"""Runs the web service with a worker beside it, and says where it is. No torch and no browser in this process."""

from __future__ import annotations

import errno
from contextlib import AsyncExitStack

from aiohttp import web
from rich.console import Console

from server.app import create_app
from server.cli.ending import LEAVE_S, listen
from server.cli.serve import EXTENSION
from server.contract.errors import SettingsError
from server.jobs.supervisor import GRACE_S, Supervisor
from server.logs import configure
from server.settings import Settings
from server.web.http.keys import DATABASE
from server.web.pages.login import login_link

# Requests in hand get this long at the end; streams are told to go and come back by themselves.
SHUTDOWN_S = 3.0


async def serve(settings: Settings, *, with_worker: bool) -> None:
    """Until SIGINT or SIGTERM. Raises SettingsError when the port is taken."""
    configure(settings)
    stopped = listen(leave_s=SHUTDOWN_S + GRACE_S + LEAVE_S)
    app = create_app(settings)
    runner = web.AppRunner(app, shutdown_timeout=SHUTDOWN_S, access_log=None)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise SettingsError(_why_not(settings, error)) from None
        port = int(runner.addresses[0][1])
        if with_worker:
            await stack.enter_async_context(Supervisor())
        _greet(f"http://{_shown(settings.host)}:{port}", await login_link(app[DATABASE], settings, port), with_worker)
        await stopped.wait()
        Console(stderr=True).print("stopping", style="bright_black")


def _greet(address: str, link: str, with_worker: bool) -> None:
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


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _why_not(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {settings.port} is taken: medlens may run already; else choose another with --port or MEDLENS_PORT"
    return f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"
