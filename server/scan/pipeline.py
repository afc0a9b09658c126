"""The pipeline of one scan: source -> extract -> dedupe -> classify -> store, on one screen.

Images are judged as they are found: the first verdict is stored while the page is still loading. An image that cannot be read is
counted as skipped and never ends the scan. A source that cannot be read to its end makes the scan `partial`, one that yields
nothing makes it `failed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from server.classify.decide import most_medical
from server.classify.engine import Engine
from server.context.evidence import evidence_of, forget_texts
from server.context.join import join
from server.contract.errors import DocumentError, MedlensError, ModelError, TimedOut, UnknownKind, WeightsMissing
from server.contract.page_order import in_page_order
from server.contract.records import Candidate, Found, JudgedImage, Notice, Place, Skipped, SkipReason, SourceKind, UniqueImage
from server.contract.verdict import Verdict
from server.dedupe.decode_pool import DecodePool
from server.dedupe.fingerprint import sha256_of
from server.dedupe.group import Grouper, originals
from server.imaging.size import size_of
from server.scan.outcome import Outcome, Problems, outcome_of
from server.scan.timings import Timings
from server.settings import Settings

# Images of one scan processed at once: enough to fill the decoders and a batch of the model, few enough to bound memory.
IMAGES_AT_ONCE = 24
# Kinds of sources that are one image: if it cannot be read, the scan fails (`Scan.run`, `single`).
SINGLE: tuple[SourceKind, ...] = ("image", "dicom")


class Recorder(Protocol):
    """Stores the images and the progress of a scan while it runs (server/scan/recorder.py)."""

    async def cached(self, sha256: str) -> JudgedImage | None:
        """The cached verdict of these bytes under the model version in use; its places and bytes are empty."""

    async def add(self, judged: JudgedImage) -> None:
        """Store one more image with its verdict."""

    def set_progress(self, found: int, skipped: Mapping[SkipReason, int], title: str | None) -> None:
        """How many different images were found so far, what was skipped, and the title. Stored soon after the call."""


class Scan:
    """One scan; `run` is called once. `timings` collects how long each stage took."""

    def __init__(self, settings: Settings, decoder: DecodePool, engine: Engine, recorder: Recorder, timings: Timings) -> None:
        self._settings, self._decoder, self._engine, self._recorder, self._timings = settings, decoder, engine, recorder, timings
        self._grouper = Grouper()
        self._images: dict[str, JudgedImage] = {}
        self._skipped: dict[str, SkipReason] = {}
        self._refused: dict[str, MedlensError] = {}  # by the decoder
        self._problems = Problems()
        self._title: str | None = None
        self._slots = asyncio.Semaphore(IMAGES_AT_ONCE)

    async def run(self, founds: AsyncIterator[Found], *, single: bool = False) -> Outcome:
        """Process everything that an extractor yields; `single`: its source is one image.

        A MedlensError of the source ends up in the Outcome, beside the images that were judged. Errors of the model's weights and
        of the recorder are raised. May be cancelled at any point.
        """
        try:
            await self._process(founds, single)
        except BaseExceptionGroup as raised:
            expected, unexpected = raised.split(MedlensError)
            if expected is None or unexpected is not None:
                raise
            raise _first(expected) from None  # several errors at once have one cause: no database, or the scan was deleted
        for sha256, reason in self._skipped.items():  # an image counts once for each place, and all places are known only now
            self._problems.skipped[reason] += len(self._grouper.places(sha256)) - 1
        if not single:
            self._name_refused_files()
        return outcome_of(self._title, self._problems, self._folded(), single=single)

    def _name_refused_files(self) -> None:
        """A remark for each file of a folder or an archive that is a refused image."""
        for sha256, error in self._refused.items():
            for place in self._grouper.places(sha256):
                if place.kind == "file":
                    self._problems.add(error.code, f"{place.url}: {error}", "remark")

    async def _process(self, founds: AsyncIterator[Found], single: bool) -> None:
        async with asyncio.TaskGroup() as group:
            try:
                async for found in founds:
                    await self._handle(found, group)
            except MedlensError as error:
                if single and isinstance(error, DocumentError):
                    self._problems.refuse(error)
                else:
                    self._problems.add(error.code, str(error))

    async def _handle(self, found: Found, group: asyncio.TaskGroup) -> None:
        self._recorder.set_progress(self._grouper.count, self._problems.skipped, self._title)
        match found:
            case Candidate():
                await self._slots.acquire()
                group.create_task(self._process_candidate(found)).add_done_callback(lambda _: self._slots.release())
            case Skipped():
                self._problems.skip(found.reason, found.detail)
            case Notice():
                self._title = found.title or self._title
                if found.code:
                    self._problems.add(found.code, found.message, found.severity)

    async def _process_candidate(self, candidate: Candidate) -> None:
        """Judge one candidate, unless its bytes were already found in this scan."""
        sha256 = sha256_of(candidate.data)
        if not self._grouper.add(sha256, candidate.place):
            return
        try:
            judged = await self._cached(sha256) or await self._judge(sha256, candidate.data)
        except (DocumentError, UnknownKind, TimedOut) as error:
            self._skipped[sha256], self._refused[sha256] = self._problems.refuse(error), error
            return
        except WeightsMissing:
            raise
        except ModelError as error:  # the model failed on this image; the others may still be judged
            self._problems.add(error.code, str(error))
            self._skip(sha256, "unreadable")
            return
        if judged is None or self._is_full(sha256):  # images that were processed together may exceed the limit
            return
        self._images[sha256] = judged
        with self._timings.measure("store"):
            placed = self._placed(judged, candidate.data)
            await self._recorder.add(replace(placed, joined=self._joined(judged.verdict, placed.image.places)))

    async def _cached(self, sha256: str) -> JudgedImage | None:
        with self._timings.measure("store"):
            judged = await self._recorder.cached(sha256)
        if judged is None or self._too_small(judged.image.width, judged.image.height):
            return None
        return replace(judged, image=replace(judged.image, near_duplicate_of=self._grouper.near_duplicate(judged.image)))

    async def _judge(self, sha256: str, data: bytes) -> JudgedImage | None:
        """Decode and judge an image; None if it is skipped and counted as such. Raises what the decoder raises."""
        size = size_of(data)
        if size is not None and self._too_small(*size):
            self._skip(sha256, "too_small")
            return None
        if self._is_full(sha256):
            return None
        with self._timings.measure("decode"):
            frames = await self._decoder.decode_frames(data)
        if size is None and self._too_small(frames[0].raster.width, frames[0].raster.height):
            self._skip(sha256, "too_small")
            return None
        if frames[0].raster.blank:
            self._skip(sha256, "blank")
            return None
        with self._timings.measure("classify"):
            judgements = await asyncio.gather(*(self._engine.judge(frame.raster) for frame in frames))
        chosen = most_medical([one.verdict for one in judgements])
        decoded, judgement, raster = frames[chosen], judgements[chosen], frames[chosen].raster
        image = UniqueImage(sha256, raster.width, raster.height, raster.format, len(data), (), b"", decoded.phash, decoded.grey)
        image = replace(image, near_duplicate_of=self._grouper.near_duplicate(image))
        thumbnail = decoded.thumbnail if self._settings.keep_thumbnails else None
        return JudgedImage(image, judgement.verdict, judgement.panels, thumbnail)

    def _is_full(self, sha256: str) -> bool:
        """Whether the Report already has as many images as allowed; if so, this one is skipped."""
        full = len(self._images) >= self._settings.max_images
        if full:
            self._skip(sha256, "too_many")
        return full

    def _skip(self, sha256: str, reason: SkipReason) -> None:
        self._problems.skip(reason)
        self._skipped[sha256] = reason

    def _too_small(self, width: int, height: int) -> bool:
        return min(width, height) < self._settings.min_image_side

    def _placed(self, judged: JudgedImage, data: bytes = b"") -> JudgedImage:
        """The image with all its places so far."""
        return replace(judged, image=replace(judged.image, places=self._grouper.places(judged.image.sha256), data=data))

    def _joined(self, verdict: Verdict, places: Sequence[Place]) -> Verdict | None:
        if self._settings.context == "off":
            return None
        joined = join(verdict, evidence_of(places, self._title))
        return joined if joined.context else None

    def _folded(self) -> list[JudgedImage]:
        """All images with all their places; in each group of near duplicates the others point to the largest image."""
        placed = {sha256: self._placed(judged) for sha256, judged in self._images.items()}
        original_of = originals([judged.image for judged in in_page_order(placed.values())])
        places: dict[str, list[Place]] = {}
        for sha256, judged in placed.items():
            places.setdefault(original_of[sha256], []).extend(judged.image.places)
        # A near duplicate shows its original's verdict, so the context of both counts for both.
        joined = {original: self._joined(placed[original].verdict, there) for original, there in places.items()}
        forget_texts()
        return [self._final(judged, original_of[sha256], joined) for sha256, judged in placed.items()]

    @staticmethod
    def _final(judged: JudgedImage, original: str, joined: Mapping[str, Verdict | None]) -> JudgedImage:
        near = original if original != judged.image.sha256 else None
        image = replace(judged.image, near_duplicate_of=near)
        return replace(judged, image=image, thumbnail=None, joined=joined[original])


def _first(group: BaseExceptionGroup[MedlensError]) -> MedlensError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
