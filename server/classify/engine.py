"""Judges the images of all scans of a worker process, in micro-batches, with one model in one thread.

A thread and not a process: OpenVINO and torch release the GIL while they compute (benchmarks/predict.py measures how long the event
loop waits), and images need no copying. The model is loaded when the first image comes, or by `prewarm`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from PIL import Image

from server.classify.batching import MicroBatcher
from server.classify.decide import decide, figure, named_by_panels
from server.classify.explain import Explainer
from server.classify.predictor import Input, Predictor, open_predictor
from server.contract.errors import MedlensError
from server.contract.modalities import Modality
from server.contract.records import Box, Panel
from server.contract.verdict import Verdict
from server.imaging.decode import Raster
from server.models.members import cnn_file, kinds
from server.models.parts import Figure
from server.models.version import model_version
from server.settings import Settings

SplitPanels: TypeAlias = Callable[[Raster], Sequence[Box]]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict for one image, and the panels of a compound figure (none for a single image)."""

    verdict: Verdict
    panels: tuple[Panel, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One image's verdict, and the figure where it is compound. `parts_read`: figures are read in parts, so None means single."""

    verdict: Verdict
    figure: Figure | None = None
    parts_read: bool = False


class Engine:
    """`split_panels(image)` gives the boxes of a compound figure's panels in pixels of the original, or nothing for one image.

    Where figures are read in parts (models/parts.py), only those that may be compound are split; where no gutters show their
    panels, their parts' regions are the panels.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        split_panels: SplitPanels | None = None,
        open_predictor: Callable[[Settings], Predictor] = open_predictor,
    ) -> None:
        self._settings, self._split, self._open_predictor = settings, split_panels, open_predictor
        self._starting: asyncio.Task[MicroBatcher[Input, Answer]] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._explainer = Explainer(cnn_file(settings))

    @cached_property
    def model_version(self) -> str:
        """Computed without loading a model. Raises SettingsError for unknown members, WeightsMissing for absent weights."""
        return model_version(self._settings, kinds(self._settings))

    async def start(self) -> None:
        """Load the model once for all callers; after a failure the next call tries again. Raises as open_predictor does."""
        await self._batcher()

    def prewarm(self) -> None:
        """Start in the background. A failure is raised by the first `judge`."""
        if self._warming is None or self._warming.done():
            self._warming = asyncio.create_task(self._warm(), name="prewarm")

    async def stop(self) -> None:
        """Release the model; images that wait or are being judged are Cancelled. It can be started again."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.gather(self._warming, return_exceptions=True)
        await asyncio.to_thread(self._explainer.close)
        if self._starting is None:
            return
        starting, self._starting = self._starting, None
        if not starting.done():  # not waited for: the vectors of new prompts take minutes
            starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        if not starting.cancelled() and starting.exception() is None:
            await starting.result().stop()

    async def judge(self, raster: Raster) -> Judgement:
        """Judge an image and its panels; waits while the queue is full. Raises ModelError, Cancelled when stopped."""
        batcher = await self._batcher()
        whole = await batcher.submit(Input(raster.image, max(raster.width, raster.height)))
        boxes = await self._boxes(raster, whole)
        parts = await asyncio.gather(*(batcher.submit(Input(_crop(raster, box))) for box in boxes))
        panels = tuple(Panel(box, part.verdict) for box, part in zip(boxes, parts, strict=True))
        return Judgement(_of_all(whole, [part.verdict for part in parts]), panels)

    async def _boxes(self, raster: Raster, whole: Answer) -> Sequence[Box]:
        if self._split is None or (whole.parts_read and whole.figure is None):
            return ()
        boxes = await asyncio.to_thread(self._split, raster)
        if boxes or whole.figure is None:
            return boxes
        width, height = raster.width, raster.height
        regions = whole.figure.regions
        if whole.verdict.is_medical and len(regions) == 1:
            return ()  # the panel would repeat the figure's own verdict
        return [(x * width, y * height, w * width, h * height) for x, y, w, h in regions]

    async def heatmap(self, raster: Raster, modality: Modality | None = None) -> bytes:
        """PNG of the working copy with the heat map of `modality` (default: the CNN's favourite). Raises ModelError."""
        return await asyncio.to_thread(self._explainer.overlay, raster.image, modality)

    async def _warm(self) -> None:
        with contextlib.suppress(MedlensError):
            await self.start()
            await asyncio.to_thread(self._explainer.warm)

    async def _batcher(self) -> MicroBatcher[Input, Answer]:
        failed = self._starting is not None and self._starting.done() and (self._starting.cancelled() or self._starting.exception())
        if self._starting is None or failed:
            self._starting = asyncio.create_task(self._open(), name="open the model")
        return await asyncio.shield(self._starting)  # a caller that gives up must not take the model from the others

    async def _open(self) -> MicroBatcher[Input, Answer]:
        """Opens the model in the thread that will also run and release it, as native libraries prefer."""
        version = await asyncio.to_thread(lambda: self.model_version)
        thread = ThreadPoolExecutor(1, "model")
        try:
            held = [await asyncio.get_running_loop().run_in_executor(thread, self._open_predictor, self._settings)]
        except BaseException:
            thread.shutdown(wait=False)
            raise

        def run(inputs: Sequence[Input]) -> list[Answer]:
            prediction, figures = held[0].judge(inputs)
            verdicts = decide(prediction, version, figures)
            return [Answer(*one, held[0].reads_parts) for one in zip(verdicts, figures, strict=True)]

        return MicroBatcher(run, self._settings.batch_size, self._settings.batch_wait_ms / 1000, thread, held.clear)


def _crop(raster: Raster, box: Box) -> Image.Image:
    """The panel's pixels from the working copy, at least one by one."""
    across, down = raster.image.width / raster.width, raster.image.height / raster.height
    left, top = round(box[0] * across), round(box[1] * down)
    right, bottom = round((box[0] + box[2]) * across), round((box[1] + box[3]) * down)
    return raster.image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))


def _of_all(whole: Answer, panels: Sequence[Verdict]) -> Verdict:
    """The verdict for an image with these panels.

    A figure that was read in parts and is medical stays so, and its panels help to name the modality. One that is not medical
    becomes so only by a surely medical panel.
    """
    verdict = whole.verdict
    if whole.figure is None:
        return figure(panels, verdict)
    if verdict.is_medical:
        return named_by_panels(panels, verdict)
    return figure(panels, verdict) if any(panel.is_medical and panel.medical.sure for panel in panels) else verdict
