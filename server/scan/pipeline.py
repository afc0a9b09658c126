"""The walk: source -> extract -> dedupe -> classify -> store, for one scan, on one screen.

Images flow as they are found: the first verdict is written while the page is still loading. An image that cannot be read is counted
as skipped and never ends the scan; a source that cannot be read to its end makes it `partial`, one that gives nothing `failed`.
This module knows the order of the stages and nothing of how each does its work, nor who asked (the queue or the command line).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import replace
from typing import Protocol

from server.classify.engine import Engine
from server.contract.errors import DocumentError, MedlensError, ModelError, TimedOut, UnknownKind, WeightsMissing
from server.contract.records import Candidate, Found, JudgedImage, Notice, Skipped, SkipReason, UniqueImage
from server.dedupe.decode_pool import DecodePool
from server.dedupe.fingerprint import sha256_of
from server.dedupe.group import Grouper
from server.imaging.decode import read_header
from server.scan.outcome import Outcome, Trouble, outcome_of
from server.scan.timings import Timings
from server.settings import Settings

# Images of one scan in hand at once: enough to fill the decoder and a batch of the model, few enough to bound memory.
IN_HAND = 24


class Recorder(Protocol):
    """Where a scan writes down what it learns, as it learns it (server/scan/recorder.py, over the store)."""

    async def recall(self, sha256: str) -> JudgedImage | None:
        """What is remembered of these bytes under the model version in use; its places and bytes are empty."""

    async def copies(self, shas: Collection[str]) -> Mapping[str, str]:
        """Which of these images an earlier scan found to be near duplicates of which others of them."""

    async def judged(self, judged: JudgedImage) -> None:
        """One more image has its answer."""

    def progress(self, found: int, skipped: Mapping[SkipReason, int], title: str | None) -> None:
        """How many different images were found so far, what was skipped, and what the whole is called. Written down soon."""


class Scan:
    """One walk; `run` is called once. `timings` collects what each stage took."""

    def __init__(self, settings: Settings, decoder: DecodePool, engine: Engine, recorder: Recorder, timings: Timings) -> None:
        self._settings, self._decoder, self._engine, self._recorder, self._timings = settings, decoder, engine, recorder, timings
        self._grouper = Grouper()
        self._images: dict[str, JudgedImage] = {}
        self._passed_by: dict[str, SkipReason] = {}
        self._trouble = Trouble()
        self._title: str | None = None
        self._hands = asyncio.Semaphore(IN_HAND)

    async def run(self, founds: AsyncIterator[Found], *, single: bool = False) -> Outcome:
        """Walk to the end of what an extractor finds; `single` when its source is one image.

        What goes wrong with the source by name (MedlensError) ends up in the Outcome, beside all that was judged; what goes wrong
        with the model's weights or the recorder is raised. May be cancelled at any point.
        """
        try:
            await self._walk(founds, single)
        except BaseExceptionGroup as raised:
            named, unforeseen = raised.split(MedlensError)
            if named is None or unforeseen is not None:
                raise
            raise _first(named) from None  # several at once say the same: the database is gone, or the scan
        for sha256, reason in self._passed_by.items():  # by now all the places where it stands are known
            self._trouble.skipped[reason] += len(self._grouper.places(sha256)) - 1
        return outcome_of(self._title, self._trouble, await self._folded(), single=single)

    async def _walk(self, founds: AsyncIterator[Found], single: bool) -> None:
        async with asyncio.TaskGroup() as group:
            try:
                async for found in founds:
                    await self._follow(found, group)
            except MedlensError as error:
                if single and isinstance(error, DocumentError):
                    self._trouble.refuse(error)
                else:
                    self._trouble.note(error.code, str(error))

    async def _follow(self, found: Found, group: asyncio.TaskGroup) -> None:
        self._recorder.progress(self._grouper.count, self._trouble.skipped, self._title)
        match found:
            case Candidate():
                await self._hands.acquire()
                group.create_task(self._take(found)).add_done_callback(lambda _: self._hands.release())
            case Skipped():
                self._trouble.skip(found.reason, found.detail)
            case Notice():
                self._title = found.title or self._title
                if found.code:
                    self._trouble.note(found.code, found.message, found.severity)

    async def _take(self, candidate: Candidate) -> None:
        """Judge one candidate, unless its bytes were seen before in this scan."""
        sha256 = sha256_of(candidate.data)
        if not self._grouper.first(sha256, candidate.place):
            return
        try:
            judged = await self._remembered(sha256) or await self._judge(sha256, candidate.data)
        except (DocumentError, UnknownKind, TimedOut) as error:
            self._passed_by[sha256] = self._trouble.refuse(error)
            return
        except WeightsMissing:
            raise
        except ModelError as error:  # the model broke on this image; what else there is may still be judged
            self._trouble.note(error.code, str(error))
            self._pass_by(sha256, "unreadable")
            return
        if judged is None or self._no_room(sha256):  # those in hand together may be more than there was room for
            return
        self._images[sha256] = judged
        with self._timings.measure("store"):
            await self._recorder.judged(self._placed(judged, candidate.data))

    async def _remembered(self, sha256: str) -> JudgedImage | None:
        with self._timings.measure("store"):
            judged = await self._recorder.recall(sha256)
        if judged is None or self._too_small(judged.image.width, judged.image.height):
            return None
        image = judged.image
        original = self._grouper.near(sha256, image.phash or "", image.width, image.height) if image.phash else None
        return replace(judged, image=replace(image, near_duplicate_of=original))

    async def _judge(self, sha256: str, data: bytes) -> JudgedImage | None:
        """Decode and judge; None when there is nothing to judge, which is counted. Raises what pixels.py and the decoder raise."""
        header = read_header(data)
        if self._too_small(header.width, header.height):
            self._pass_by(sha256, "too_small")
            return None
        if self._no_room(sha256):
            return None
        with self._timings.measure("decode"):
            look = await self._decoder.look(data)
        picture = look.picture
        if picture.blank:
            self._pass_by(sha256, "blank")
            return None
        original = self._grouper.near(sha256, look.phash, picture.width, picture.height, look.grey)
        with self._timings.measure("classify"):
            judgement = await self._engine.judge(picture)
        image = UniqueImage(
            sha256, picture.width, picture.height, picture.format, len(data), (), b"", look.phash, near_duplicate_of=original
        )
        thumbnail = look.thumbnail if self._settings.keep_thumbnails else None
        return JudgedImage(image, judgement.verdict, judgement.panels, thumbnail)

    def _no_room(self, sha256: str) -> bool:
        """Whether the Report has all the images it may have; this one is then passed by."""
        full = len(self._images) >= self._settings.max_images
        if full:
            self._pass_by(sha256, "too_many")
        return full

    def _pass_by(self, sha256: str, reason: SkipReason) -> None:
        self._trouble.skip(reason)
        self._passed_by[sha256] = reason

    def _too_small(self, width: int, height: int) -> bool:
        return min(width, height) < self._settings.min_image_side

    def _placed(self, judged: JudgedImage, data: bytes = b"") -> JudgedImage:
        return replace(judged, image=replace(judged.image, places=self._grouper.places(judged.image.sha256), data=data))

    async def _folded(self) -> list[JudgedImage]:
        """All images with all their places, the largest of each group of near duplicates standing for the others.

        What an earlier scan folded is folded again, although nobody looked at its pixels this time.
        """
        copies = {sha: one.image.near_duplicate_of or sha for sha, one in self._images.items()}
        for sha256, original in (await self._recorder.copies(tuple(self._images))).items():
            if copies[sha256] == sha256:
                copies[sha256] = copies[original]
        largest: dict[str, UniqueImage] = {}
        for sha256, original in copies.items():
            image, best = self._images[sha256].image, largest.get(original)
            if best is None or image.width * image.height > best.width * best.height:
                largest[original] = image
        return [self._final(one, largest[copies[sha256]].sha256) for sha256, one in self._images.items()]

    def _final(self, judged: JudgedImage, original: str) -> JudgedImage:
        near = original if original != judged.image.sha256 else None
        return self._placed(replace(judged, thumbnail=None, image=replace(judged.image, near_duplicate_of=near)))


def _first(group: BaseExceptionGroup[MedlensError]) -> MedlensError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
