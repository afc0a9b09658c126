"""Downloads weights that do not ship from their hub, resumably, and checks them.

A download is written to `.part` beside its target, resumes after a cut connection (HTTP Range), and is renamed only when its
SHA-256 matches the one pinned in registry.py or sent by the hub. HF_ENDPOINT names another hub of the same protocol, as it does for
huggingface_hub.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import aiohttp
from yarl import URL

from server.contract.errors import ConnectionFailed, HttpStatus, ModelError, RequestError
from server.models.files import PART, sha256_of
from server.models.registry import Remote

# (bytes of this file here now, bytes of it in all or None, its name): called after every chunk.
Progress: TypeAlias = Callable[[int, int | None, str], None]

ENDPOINT = "https://huggingface.co"
CHUNK = 1024 * 1024
ATTEMPTS = 5  # times a connection may be cut without a single new byte before we give up
BACKOFF_S = 1.0  # before the second attempt, doubled for each further one
SILENCE_S = 60.0  # without a byte: a hub that stalls is treated as cut
MAX_BYTES = 20 * 1024**3  # of one file: larger than any CLIP, smaller than a disk filled by a mistaken address
SHA256 = re.compile(r'^"?([0-9a-f]{64})"?$')


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", ENDPOINT).rstrip("/")


@dataclass
class _Transfer:
    """One download: its target, the SHA-256 it must have, and its size, as far as they are known."""

    url: str
    target: Path
    sha256: str | None
    size: int | None = None
    progress: Progress | None = None
    part: Path = field(init=False)

    def __post_init__(self) -> None:
        self.part = self.target.with_name(self.target.name + PART)

    @property
    def here(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def report(self) -> None:
        if self.progress:
            self.progress(self.here, self.size, self.target.name)


async def pull(remote: Remote, models: Path, progress: Progress | None = None, base: str | None = None) -> Path:
    """Fetch every file of `remote` that is not here yet into its folder under `models`; returns the folder.

    Raises ConnectionFailed (offline, cut too often), HttpStatus (the hub refused), ModelError (wrong SHA-256) or RequestError
    (larger than MAX_BYTES). A partial download stays for the next call.
    """
    folder = models / remote.folder
    folder.mkdir(parents=True, exist_ok=True)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=SILENCE_S, sock_read=SILENCE_S)
    async with aiohttp.ClientSession(timeout=timeout, auto_decompress=False, headers={"Accept-Encoding": "identity"}) as session:
        for file in remote.files:
            target = folder / file.name
            if target.is_file():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            url = file.url or f"{base or endpoint()}/{file.repository}/resolve/{file.revision}/{file.path}"
            try:
                await _fetch(session, _Transfer(url, target, file.sha256, file.size, progress))
            except HttpStatus as error:
                if not (file.optional and error.answered == 404):
                    raise
    return folder


async def _fetch(session: aiohttp.ClientSession, transfer: _Transfer) -> None:
    failures = 0
    while True:
        before = transfer.here
        try:
            await _attempt(session, transfer)
            break
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            failures = 0 if transfer.here > before else failures + 1
            if failures >= ATTEMPTS:
                raise ConnectionFailed(
                    f"{URL(transfer.url).host} cannot be reached or keeps cutting the connection ({type(error).__name__}); "
                    "run the command again to go on where it stopped"
                ) from None
            await asyncio.sleep(BACKOFF_S * 2 ** min(failures, 5) / 2)
    _check(transfer)
    transfer.part.replace(transfer.target)


async def _attempt(session: aiohttp.ClientSession, transfer: _Transfer) -> None:
    begin = transfer.here
    if transfer.size is not None and begin == transfer.size:
        return
    headers = {"Range": f"bytes={begin}-"} if begin else {}
    async with session.get(transfer.url, headers=headers) as response:
        if response.status == 416:  # more here than there is: what lies here is of another file
            transfer.part.unlink()
            raise aiohttp.ClientPayloadError("the part that was here does not belong to this file")
        if response.status not in (200, 206):
            raise HttpStatus(_refusal(response.status, transfer), response.status)
        for answer in (*response.history, response):
            _learn(answer.headers, transfer)
        if response.status == 200 and begin:
            transfer.part.unlink()  # the hub does not resume: from the start
            begin = 0
        if response.content_length is not None:
            transfer.size = begin + response.content_length
        if (transfer.size or 0) > MAX_BYTES:
            raise RequestError(f"{transfer.target.name} is larger than the {MAX_BYTES} bytes allowed")
        with transfer.part.open("ab") as out:
            async for chunk in response.content.iter_chunked(CHUNK):
                out.write(chunk)
                out.flush()
                transfer.report()
                if transfer.here > MAX_BYTES:
                    raise RequestError(f"{transfer.target.name} is larger than the {MAX_BYTES} bytes allowed")
    if transfer.size is not None and transfer.here < transfer.size:
        raise aiohttp.ClientPayloadError("the connection was cut")


def _learn(headers: Mapping[str, str], transfer: _Transfer) -> None:
    """The hub sends the SHA-256 of a large file with the redirect to its storage."""
    for name in ("X-Linked-ETag", "ETag"):
        if transfer.sha256 is None and (match := SHA256.match(headers.get(name, ""))):
            transfer.sha256 = match[1]


def _refusal(status: int, transfer: _Transfer) -> str:
    host, name = URL(transfer.url).host, transfer.target.name
    if status in (401, 403):
        return (
            f"{host} gives {name} only to people who accepted its terms ({status}); fetch it by hand into {transfer.target.parent}"
        )
    if status == 404:
        return f"{host} has no {name} any more (404)"
    return f"{host} answered {status} for {name}; try again later"


def _check(transfer: _Transfer) -> None:
    if transfer.sha256 is None:
        return
    found = sha256_of(transfer.part)
    if not found.startswith(transfer.sha256):
        transfer.part.unlink()
        raise ModelError(
            f"{transfer.target.name} arrived damaged or is not what was promised (SHA-256 {found[:12]}...); pull it again"
        )
