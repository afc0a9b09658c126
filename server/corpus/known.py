"""The verdicts of a corpus by the SHA-256 of the images, in a file: each image is judged once, in whatever document it stands.

Whoever asks for an image that nobody has judged gets a claim on it; others that ask wait until the claim's holder has stored the
verdict or released the claim. The file speeds a run up and is not its result: without it images would be judged again, alike.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from dataclasses import replace
from typing import Any, Protocol

from server.contract.records import JudgedImage, Panel, UniqueImage
from server.contract.report import verdict_from_json, verdict_json

# Seconds after which a claim is void: its holder was killed. The image is then judged by the next one that asks.
CLAIM_S = 120.0


class Known(Protocol):
    """Where verdicts are asked for and stored. `holder`: the document that asks, by its key."""

    async def claim(self, sha256: str, holder: str) -> str | None:
        """The stored verdict, or None: then `holder` is to judge the image."""

    async def store(self, sha256: str, judged: str) -> None:
        """Store the verdict on an image, and wake who waits for it."""

    async def release(self, holder: str) -> None:
        """Give up the claims of `holder` on images that it did not store."""


class KnownFile:
    """A Known in one SQLite file, used by one process; as a Ray actor it serves many."""

    def __init__(self, path: str, claim_s: float = CLAIM_S) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")  # what a power failure loses is judged again
        self._database.execute("CREATE TABLE IF NOT EXISTS known (sha256 BLOB PRIMARY KEY, judged TEXT) WITHOUT ROWID")
        self._claims: dict[str, tuple[str, asyncio.Event]] = {}
        self._claim_s = claim_s

    async def claim(self, sha256: str, holder: str) -> str | None:
        while True:
            found = self._database.execute("SELECT judged FROM known WHERE sha256 = ?", (bytes.fromhex(sha256),)).fetchone()
            if found is not None:
                return str(found[0])
            held = self._claims.get(sha256)
            if held is None:
                self._claims[sha256] = (holder, asyncio.Event())
                return None
            if held[0] == holder:  # it asks again, after its process died; others still wait for the same event
                return None
            try:
                await asyncio.wait_for(held[1].wait(), self._claim_s)
            except TimeoutError:
                if self._claims.get(sha256) is held:
                    self._free(sha256)

    async def store(self, sha256: str, judged: str) -> None:
        self._database.execute("INSERT OR REPLACE INTO known VALUES (?, ?)", (bytes.fromhex(sha256), judged))
        self._free(sha256)

    async def release(self, holder: str) -> None:
        for sha256 in [sha256 for sha256, (name, _) in self._claims.items() if name == holder]:
            self._free(sha256)

    def close(self) -> None:
        self._database.close()

    def _free(self, sha256: str) -> None:
        if (held := self._claims.pop(sha256, None)) is not None:
            held[1].set()


def judged_text(judged: JudgedImage) -> str:
    """The verdict on the bytes alone with the image's facts, as JSON; without places, bytes and thumbnail."""
    image = judged.image
    facts: dict[str, Any] = {
        "image": [image.sha256, image.width, image.height, image.format, image.size],
        "phash": image.phash,
        "grey": image.grey.hex() if image.grey else None,
        "verdict": verdict_json(judged.verdict),
        "panels": [[list(panel.box), verdict_json(panel.verdict)] for panel in judged.panels],
    }
    return json.dumps(facts)


def judged_from_text(text: str) -> JudgedImage:
    """The JudgedImage that `judged_text` wrote, its verdict marked as cached."""
    facts = json.loads(text)
    sha256, width, height, format, size = facts["image"]
    grey = bytes.fromhex(facts["grey"]) if facts["grey"] else None
    image = UniqueImage(sha256, width, height, format, size, (), b"", facts["phash"], grey)
    panels = tuple(Panel(tuple(box), verdict_from_json(shown)) for box, shown in facts["panels"])
    return JudgedImage(image, replace(verdict_from_json(facts["verdict"]), cached=True), panels)
