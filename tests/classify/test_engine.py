import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.classify.engine import Engine, Judgement
from server.classify.predictor import Input, Predictor
from server.contract.errors import Cancelled, ModelError, SettingsError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.contract.records import Box
from server.imaging.decode import Raster
from server.models.calibration import Floats
from server.models.ensemble import Ensemble
from server.models.members import View
from server.settings import Settings, load_settings
from tests.classify.drawings import chart, noise, raster_of

COLOURS = {"xray": (250, 0, 0), "ct": (0, 250, 0), "mri": (0, 0, 250), "non_medical": (250, 250, 250)}


@dataclass
class ByColour:
    """A member that takes the colour of the middle for the modality; black breaks it, grey leaves it unsure."""

    name: str = "cnn"
    batches: list[int] = field(default_factory=list)

    def logits(self, view: View) -> Floats:
        self.batches.append(len(view.images))
        return np.stack([self._one(image) for image in view.images])

    @staticmethod
    def _one(image: Image.Image) -> Floats:
        colour = image.getpixel((image.width // 2, image.height // 2))
        if colour == (0, 0, 0):
            raise ValueError("nothing to see")
        return np.asarray([9.0 if COLOURS.get(modality) == colour else 0.0 for modality in MODALITIES], np.float32)


def plain(colour: str, width: int = 40, height: int = 40) -> Image.Image:
    return Image.new("RGB", (width, height), COLOURS.get(colour) or colour)


def beside(*colours: str) -> Image.Image:
    """A figure of square panels in a row; its middle is white."""
    figure = Image.new("RGB", (50 * len(colours), 60), "white")
    for number, colour in enumerate(colours):
        figure.paste(plain(colour), (50 * number + 5, 5))
    figure.paste(COLOURS["non_medical"], (figure.width // 2 - 2, 0, figure.width // 2 + 2, 60))
    return figure


def in_a_row(given: Raster) -> Sequence[Box]:
    step = given.height * 50 / 60
    count = round(given.width / step)
    return [(number * step + step / 10, step / 10, step * 0.8, step * 0.8) for number in range(count)] if count > 1 else []


class Voted:
    """An Engine around ByColour, stopped at the end."""

    def __init__(self, settings: Settings, member: ByColour | None = None, **more: object) -> None:
        self.member = member or ByColour()
        self.opened = 0
        self.engine = Engine(settings, open_predictor=self._open, **more)  # type: ignore[arg-type]

    def _open(self, settings: Settings) -> Predictor:
        self.opened += 1
        return Predictor(None, [self.member], Ensemble())

    async def __aenter__(self) -> "Voted":
        self.engine.model_version = "v1"
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.engine.stop()


async def test_images_of_all_scans_are_judged_in_shared_batches(settings: Settings) -> None:
    async with Voted(settings) as voted:
        names = list(COLOURS) * 8
        judged = await asyncio.gather(*(voted.engine.judge(raster_of(plain(name))) for name in names))
    assert [one.verdict.modality for one in judged] == names
    assert all(one.verdict.model_version == "v1" and one.panels == () for one in judged)
    assert voted.opened == 1
    assert len(voted.member.batches) < len(names)
    assert max(voted.member.batches) <= settings.batch_size


async def test_an_image_that_breaks_the_model_breaks_no_other(settings: Settings) -> None:
    async with Voted(settings) as voted:
        good, bad, also_good = await asyncio.gather(
            *(voted.engine.judge(raster_of(plain(name))) for name in ("ct", "black", "mri")), return_exceptions=True
        )
        assert isinstance(bad, ModelError)
        assert isinstance(good, Judgement)
        assert isinstance(also_good, Judgement)
        assert (await voted.engine.judge(raster_of(plain("xray")))).verdict.modality == "xray"


async def test_a_cancelled_caller_leaves_the_engine_whole(settings: Settings) -> None:
    async with Voted(settings) as voted:
        first = asyncio.create_task(voted.engine.judge(raster_of(plain("ct"))))
        await asyncio.sleep(0)
        first.cancel()
        assert (await voted.engine.judge(raster_of(plain("mri")))).verdict.modality == "mri"
    assert voted.opened == 1


async def test_a_figure_is_what_its_most_surely_medical_panel_is(settings: Settings) -> None:
    async with Voted(settings, split_panels=in_a_row) as voted:
        judged = await voted.engine.judge(raster_of(beside("non_medical", "ct", "non_medical", "grey"), scale=3))
    assert [panel.verdict.modality for panel in judged.panels[:3]] == ["non_medical", "ct", "non_medical"]
    assert judged.panels[1].box == pytest.approx((165, 15, 120, 120))
    assert judged.verdict == judged.panels[1].verdict


async def test_a_figure_without_a_medical_panel_is_judged_as_a_whole(settings: Settings) -> None:
    async with Voted(settings, split_panels=in_a_row) as voted:
        judged = await voted.engine.judge(raster_of(beside("non_medical", "non_medical")))
    assert judged.verdict.modality == "non_medical"
    assert len(judged.panels) == 2


async def test_a_panel_that_is_not_sure_does_not_outvote_a_sure_whole(settings: Settings) -> None:
    async with Voted(settings, split_panels=in_a_row) as voted:
        judged = await voted.engine.judge(raster_of(beside("grey", "grey")))
    assert judged.panels[0].verdict.uncertain
    assert judged.verdict.modality == "non_medical"
    assert not judged.verdict.uncertain


async def test_prewarming_opens_the_model_once(settings: Settings) -> None:
    async with Voted(settings) as voted:
        voted.engine.prewarm()
        voted.engine.prewarm()
        await voted.engine.judge(raster_of(plain("ct")))
        assert voted.opened == 1


async def test_a_failed_start_is_raised_by_judge_and_tried_again(settings: Settings) -> None:
    member, tries = ByColour(), 0

    def open_predictor(_: Settings) -> Predictor:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise WeightsMissing("not pulled yet")
        return Predictor(None, [member], Ensemble())

    engine = Engine(settings, open_predictor=open_predictor)
    engine.model_version = "v1"
    engine.prewarm()
    await asyncio.sleep(0.05)
    with pytest.raises(WeightsMissing, match="not pulled yet"):
        await engine.judge(raster_of(plain("ct")))
    assert (await engine.judge(raster_of(plain("ct")))).verdict.modality == "ct"
    await engine.stop()


async def test_stopping_cancels_what_waits_and_allows_another_start(settings: Settings) -> None:
    held = threading.Event()

    class Slow(ByColour):
        def logits(self, view: View) -> Floats:
            held.wait(5)
            return super().logits(view)

    async with Voted(settings, Slow()) as voted:
        await voted.engine.start()
        waiting = [asyncio.create_task(voted.engine.judge(raster_of(plain("ct")))) for _ in range(100)]
        await asyncio.sleep(0.05)
        threading.Timer(0.1, held.set).start()
        await voted.engine.stop()
        assert all(isinstance(one, Cancelled) for one in await asyncio.gather(*waiting, return_exceptions=True))
        assert (await voted.engine.judge(raster_of(plain("ct")))).verdict.modality == "ct"
        assert voted.opened == 2


async def test_an_engine_never_started_stops() -> None:
    await Engine(load_settings(members=("cnn",))).stop()


def test_unknown_members_raise_an_error_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no member is called"):
        _ = Engine(load_settings(data_dir=tmp_path, members=("cnn", "oracle"))).model_version


async def test_the_shipped_model_judges_without_holding_the_loop(settings: Settings, shipped: Path) -> None:
    engine = Engine(settings)
    engine.prewarm()
    rasters = [raster_of(noise(seed)) for seed in range(20)] + [raster_of(chart())]
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    judged = await asyncio.gather(*(engine.judge(one) for one in rasters))
    ticking.cancel()
    assert ticks > 10
    assert {one.verdict.model_version for one in judged} == {engine.model_version}
    assert all(set(one.verdict.members) == {"cnn"} for one in judged)
    await engine.stop()


async def test_a_model_is_opened_asked_and_let_go_in_one_thread(tmp_path: Path) -> None:
    calls: list[tuple[str, str]] = []

    class Watched(Predictor):
        def judge(self, asked: Sequence[Input]) -> object:  # type: ignore[override]
            calls.append(("asked", threading.current_thread().name))
            return super().judge(asked)

        def __del__(self) -> None:
            calls.append(("let go", threading.current_thread().name))

    def opened(_: Settings) -> Predictor:
        calls.append(("opened", threading.current_thread().name))
        return Watched(None, [ByColour()], Ensemble())

    engine = Engine(load_settings(data_dir=tmp_path, members=("cnn",)), open_predictor=opened)
    engine.model_version = "v1"
    await engine.judge(raster_of(plain("ct")))
    await engine.stop()
    assert [what for what, _ in calls] == ["opened", "asked", "let go"]
    assert {thread for _, thread in calls} == {"model_0"}
