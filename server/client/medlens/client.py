"""Scans from Python, by a running service: start one, wait for it, go through its verdicts as they come, correct them.

    from medlens.client import Client

    with Client() as medlens:                        # http://127.0.0.1:8765 and the token of MEDLENS_TOKEN
        scan = medlens.scan("https://example.org/radiology")
        for image in medlens.verdicts(scan):
            print(image.verdict.modality, image.verdict.confidence)
        print(medlens.wait(scan).counts.medical)

`AsyncClient` has the same methods as coroutines. `medlens token` prints the token.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, FormData

from medlens.answers import FINISHED, Image, Report, Verdict, read
from medlens.errors import ServiceError, Unreachable

ADDRESS = "http://127.0.0.1:8765"
TOKEN_NAME = "MEDLENS_TOKEN"  # noqa: S105 - the name of the variable
ANSWER_S = 60.0  # uploads and heat maps included
# The service sends something every 15 s; a stream that is silent for longer is dead.
SILENCE_S = 40.0
POLL_S = 0.5
RESUME_S = 1.0
BROKEN = 500  # statuses from here on say that something on the way is broken
T = TypeVar("T")


class AsyncClient:
    """`async with AsyncClient() as medlens:`; not for several event loops."""

    def __init__(self, address: str = ADDRESS, token: str | None = None) -> None:
        """`token`: of `medlens token`; without one, that of MEDLENS_TOKEN. Raises ValueError where there is none."""
        secret = token or os.environ.get(TOKEN_NAME, "")
        if not secret:
            raise ValueError(f"a token is needed: give one, or set {TOKEN_NAME}; `medlens token` prints it")
        self.address = address.rstrip("/")
        self._headers = {"Authorization": f"Bearer {secret}"}
        self._session: ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = ClientSession(headers=self._headers, timeout=ClientTimeout(total=ANSWER_S))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session:
            await self._session.close()
        self._session = None

    async def scan(self, *targets: str | Path, no_cache: bool = False, members: list[str] | None = None) -> str:
        """Start a scan of one address (text), or of one or more files (`Path`) together; gives its id."""
        files = [target for target in targets if isinstance(target, Path)]
        if len(files) == len(targets) > 0:
            return await self._upload(files)
        if len(targets) != 1:
            raise ValueError("a scan is of one address, or of files given as Path")
        options = {"no_cache": no_cache, **({"members": members} if members else {})}
        return str((await self._json("POST", "/api/scans", json={"url": str(targets[0]), "options": options}))["id"])

    async def _upload(self, files: list[Path]) -> str:
        form = FormData()
        for path in files:
            form.add_field("files", await asyncio.to_thread(path.read_bytes), filename=path.name)
        return str((await self._json("POST", "/api/scans", data=form))["id"])

    async def report(self, scan: str) -> Report:
        """The Report so far."""
        return read(Report, await self._json("GET", f"/api/scans/{scan}"))

    async def wait(self, scan: str, timeout: float | None = None) -> Report:  # noqa: ASYNC109 - of the whole scan
        """The Report once the scan has ended, in whatever status. Raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while True:
                report = await self.report(scan)
                if report.status in FINISHED:
                    return report
                await asyncio.sleep(POLL_S)

    async def verdicts(self, scan: str) -> AsyncGenerator[Image, None]:
        """The scan's images as they are judged, each once, until the scan ends. Raises ServiceError when the service refuses.

        A stream that breaks is resumed; where none holds, the Report is read now and then instead.
        """
        last, seen = "", set[str]()
        while True:
            try:
                async for kind, event_id, data in self._events(scan, last):
                    last = event_id or last
                    if kind == "verdict" and data["sha256"] not in seen:
                        seen.add(data["sha256"])
                        yield read(Image, data)
            except (ClientError, TimeoutError, Unreachable):
                pass
            except ServiceError as error:
                if error.status < BROKEN:
                    raise
            try:
                report = await self.report(scan)
            except Unreachable:
                await asyncio.sleep(RESUME_S)
                continue
            for image in report.images:
                if image.sha256 not in seen:
                    seen.add(image.sha256)
                    yield image
            if report.status in FINISHED:
                return
            await asyncio.sleep(RESUME_S)

    async def _events(self, scan: str, last: str) -> AsyncIterator[tuple[str, str, Any]]:
        """(kind, id, data) of the server-sent events after `last`."""
        headers = {"Last-Event-ID": last} if last else {}
        timeout = ClientTimeout(total=None, sock_read=SILENCE_S)
        answer = await self._ask("GET", f"/api/scans/{scan}/events", headers=headers, timeout=timeout)
        async with answer:
            event: dict[str, str] = {}
            async for raw in answer.content:
                name, _, value = raw.decode().rstrip("\r\n").partition(":")
                if name:
                    event[name] = value.removeprefix(" ")
                elif not value:  # an empty line ends the event
                    if "data" in event:
                        yield event.get("event", ""), event.get("id", ""), json.loads(event["data"])
                    event = {}

    async def image(self, sha256: str) -> Verdict | None:
        """The stored verdict of an image; None where it is known and not judged."""
        told = (await self._json("GET", f"/api/images/{sha256}"))["verdict"]
        return read(Verdict, told) if told else None

    async def correct(self, sha256: str, modality: str) -> Verdict:
        """Label an image; the label overrides the verdict everywhere."""
        return read(Verdict, (await self._json("POST", f"/api/images/{sha256}/feedback", json={"modality": modality}))["verdict"])

    async def cancel(self, scan: str) -> None:
        await (await self._ask("POST", f"/api/scans/{scan}/cancel", json={})).read()

    async def delete(self, scan: str) -> None:
        await (await self._ask("DELETE", f"/api/scans/{scan}")).read()

    async def _json(self, method: str, path: str, **options: Any) -> Any:
        return await (await self._ask(method, path, **options)).json()

    async def _ask(self, method: str, path: str, **options: Any) -> ClientResponse:
        if self._session is None:
            raise RuntimeError("use it as a context manager: with Client() as medlens")
        try:
            answer = await self._session.request(method, self.address + path, allow_redirects=False, **options)
        except ClientError as error:
            raise Unreachable(f"{self.address}: {error}") from error
        if answer.status < 300:
            return answer
        async with answer:
            try:
                problem = json.loads(await answer.read())
            except ValueError:
                problem = {}
        raise ServiceError(problem.get("code", "stranger"), problem.get("detail", answer.reason or ""), answer.status)


class Client:
    """The same for code without `async`, in scripts and notebooks: an AsyncClient on an event loop in a thread of its own."""

    def __init__(self, address: str = ADDRESS, token: str | None = None) -> None:
        self._client = AsyncClient(address, token)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="medlens client", daemon=True)
        self._thread.start()
        self._run(self._client.__aenter__())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        loop, self_thread = self._loop, self._thread
        if loop is None:
            return
        self._run(self._client.__aexit__(kind, error, trace))
        self._run(loop.shutdown_asyncgens())
        self._loop = None
        loop.call_soon_threadsafe(loop.stop)
        self_thread.join()
        loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("use it as a context manager: with Client() as medlens")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def scan(self, *targets: str | Path, no_cache: bool = False, members: list[str] | None = None) -> str:
        """As AsyncClient.scan."""
        return self._run(self._client.scan(*targets, no_cache=no_cache, members=members))

    def report(self, scan: str) -> Report:
        """As AsyncClient.report."""
        return self._run(self._client.report(scan))

    def wait(self, scan: str, timeout: float | None = None) -> Report:
        """As AsyncClient.wait."""
        return self._run(self._client.wait(scan, timeout))

    def verdicts(self, scan: str) -> Iterator[Image]:
        """As AsyncClient.verdicts."""
        coming = self._client.verdicts(scan)
        try:
            while (image := self._run(_next(coming))) is not None:
                yield image
        finally:
            self._run(_close(coming))

    def image(self, sha256: str) -> Verdict | None:
        """As AsyncClient.image."""
        return self._run(self._client.image(sha256))

    def correct(self, sha256: str, modality: str) -> Verdict:
        """As AsyncClient.correct."""
        return self._run(self._client.correct(sha256, modality))

    def cancel(self, scan: str) -> None:
        """As AsyncClient.cancel."""
        self._run(self._client.cancel(scan))

    def delete(self, scan: str) -> None:
        """As AsyncClient.delete."""
        self._run(self._client.delete(scan))


async def _next(coming: AsyncIterator[Image]) -> Image | None:
    return await anext(coming, None)


async def _close(coming: AsyncGenerator[Image, None]) -> None:
    await coming.aclose()
