"""Errors of the stages in the pipeline: they cost one image where possible, and reach the queue only where they must."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any, cast

import pytest
from PIL import Image, ImageDraw, ImageStat

from server.classify.engine import Engine, Judgement
from server.contract.errors import DatabaseUnavailable, MedlensError, ModelError, WeightsMissing
from server.contract.records import Candidate, Found, JudgedImage, Place
from server.dedupe.decode_pool import DecodePool
from server.imaging.decode import Raster
from server.scan.pipeline import Scan
from server.scan.timings import Timings
from server.settings import Settings
from tests.judged import verdict
from tests.site import picture

IMAGES = 6


class Recorder:
    """Keeps what it is told, or cannot."""

    def __init__(self, broken: MedlensError | None = None) -> None:
        self.kept: list[str] = []
        self.broken = broken

    async def cached(self, sha256: str) -> JudgedImage | None:
        return None

    async def add(self, judged: JudgedImage) -> None:
        if self.broken:
            raise self.broken
        self.kept.append(judged.image.sha256)

    def set_progress(self, *_: object) -> None:
        pass


class Oracle:
    """Judges all but every third picture, on which it breaks in the way given."""

    def __init__(self, broken: Exception | None = None) -> None:
        self.broken = broken
        self.turn = 0

    async def judge(self, picture: Raster) -> Judgement:
        self.turn += 1
        if self.broken and self.turn % 3 == 0:
            raise self.broken
        return Judgement(verdict())


@pytest.fixture(scope="module")
async def decoder() -> AsyncIterator[DecodePool]:
    async with DecodePool(Settings()) as pool:
        yield pool


async def found() -> AsyncIterator[Found]:
    for number in range(IMAGES):
        yield Candidate(picture("PNG", (96, 80), number * 7 + 1), Place(f"https://example.org/{number}.png", "img"))


def scan(decoder: DecodePool, oracle: Oracle, recorder: Recorder) -> Scan:
    return Scan(Settings(), decoder, cast(Engine, oracle), cast(Any, recorder), Timings())


async def test_an_image_that_breaks_the_model_costs_only_itself(decoder: DecodePool) -> None:
    recorder = Recorder()
    outcome = await scan(decoder, Oracle(ModelError("the model failed on this image")), recorder).run(found())
    assert (outcome.status, outcome.error.code if outcome.error else None) == ("partial", "model_failed")
    assert (len(outcome.images), dict(outcome.skipped), outcome.found) == (4, {"unreadable": 2}, IMAGES)
    assert len(recorder.kept) == 4


@pytest.mark.parametrize("error", [WeightsMissing("not pulled"), DatabaseUnavailable("gone")], ids=lambda error: error.code)
async def test_what_stops_every_image_stops_the_scan_by_its_name(decoder: DecodePool, error: MedlensError) -> None:
    oracle, recorder = (Oracle(error), Recorder()) if isinstance(error, WeightsMissing) else (Oracle(), Recorder(error))
    with pytest.raises(type(error), match=str(error)):
        await scan(decoder, oracle, recorder).run(found())


async def test_what_nobody_foresaw_is_not_hidden(decoder: DecodePool) -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await scan(decoder, Oracle(ZeroDivisionError("a mistake of ours")), Recorder()).run(found())
    assert raised.group_contains(ZeroDivisionError)


class Sonographer(Oracle):
    """Takes bright images for ultrasound, and dark ones surely for not medical."""

    async def judge(self, picture: Raster) -> Judgement:
        self.turn += 1
        bright = ImageStat.Stat(picture.image.convert("L")).mean[0] > 60
        return Judgement(verdict("ultrasound", 0.98) if bright else verdict("non_medical", 0.99))


async def test_a_black_title_card_does_not_make_a_loop_of_ultrasound_not_medical(decoder: DecodePool) -> None:
    title = Image.new("RGB", (96, 80))
    ImageDraw.Draw(title).line((10, 40, 60, 40), fill="white")
    loop = [Image.effect_noise((96, 80), 90).convert("RGB") for _ in range(9)]
    out = BytesIO()
    title.save(out, "GIF", save_all=True, append_images=[*[title] * 9, *loop], duration=40)

    async def animated() -> AsyncIterator[Found]:
        yield Candidate(out.getvalue(), Place("https://example.org/loop.gif", "img"))

    oracle = Sonographer()
    (judged,) = (await scan(decoder, oracle, Recorder()).run(animated())).images
    assert (judged.verdict.modality, judged.image.format, oracle.turn) == ("ultrasound", "gif", 5)
