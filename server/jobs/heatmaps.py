"""Heat maps on demand: asked for by the web process, made by a worker, read from the store when they are there.

A queue of their own, so that they neither count nor wait as scans; one that waits already is not asked for twice. It does not know
how one is made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from server.errors import DatabaseUnavailable

HEATMAPS = "heatmaps"
TASK = "heatmap"

Explain = Callable[[str, str], Awaitable[None]]


async def ask(app: App, sha256: str, model_version: str) -> None:
    """Have a worker make it. One that runs another model version makes none, so the asker waits a bounded time."""
    lock = f"{TASK} {sha256}"
    try:
        task = app.configure_task(TASK, queue=HEATMAPS, queueing_lock=lock)
        await task.defer_async(sha256=sha256, model_version=model_version)
    except AlreadyEnqueued:
        return
    except ConnectorException as error:
        raise DatabaseUnavailable(f"the queue cannot reach the database: {error}") from error


def teach(app: App, explain: Explain) -> None:
    """Register the task: `explain(sha256, model_version)` makes one heat map and keeps it in the store."""

    @app.task(name=TASK, queue=HEATMAPS)
    async def heatmap(sha256: str, model_version: str) -> None:
        await explain(sha256, model_version)
