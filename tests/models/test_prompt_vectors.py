"""Vectors of prompts outlast a start; a tower is asked again when anything that they depend on is another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from server.models import clip
from server.models.members import View
from server.models.prompt_vectors import Floats, Origin, PromptVectors
from server.models.prompts import PromptClass, Prompts
from server.settings import Settings
from tests.models.conftest import IMAGE_VECTORS, PROMPTS, WIDTH, CountingClip, Start, kept


def test_a_second_start_asks_no_tower_and_scores_bit_for_bit_the_same(start: Start) -> None:
    plain = clip.ZeroShot(CountingClip(), PROMPTS).scores(IMAGE_VECTORS)
    for asked in (1, 0, 0):
        times, scores = start()
        assert times == asked
        np.testing.assert_array_equal(scores, plain)


def test_the_shipped_clip_opens_no_text_tower_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data_dir=tmp_path)
    view = View((), np.random.default_rng(2).random((4, 1280), np.float32))
    first = clip.open_member(settings).logits(view)
    monkeypatch.setattr(clip, "TextTower", None)
    np.testing.assert_array_equal(clip.open_member(settings).logits(view), first)


@pytest.mark.parametrize(
    "first",
    [
        PromptClass("ct", ("a lung", "a hand"), ("{}", "a CT of {}")),
        PromptClass("ct", ("a lung", "a head"), ("{}", "a scan of {}")),
        PromptClass("ct", ("a lung", "a head")),
        PromptClass("ct", ("a lung", "a CT of a lung", "a head", "a CT of a head")),  # the same texts, averaged in another way
    ],
    ids=["prompt", "template", "fewer", "grouped"],
)
def test_other_words_are_other_vectors(start: Start, first: PromptClass) -> None:
    start()
    changed = Prompts((first, PROMPTS.modalities[1]))
    assert [start(changed)[0], start(changed)[0], start()[0]] == [1, 0, 0]


def test_other_weights_or_another_way_to_run_them_are_other_vectors(start: Start, origin: Origin) -> None:
    start()
    assert start(made_of=Origin("words in half precision", origin.files))[0] == 1
    origin.files[0].write_bytes(b"other")
    assert [start()[0], start()[0]] == [1, 0]


def test_a_users_prompts_count_from_the_next_opening_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, own = CountingClip(), tmp_path / "mine.toml"
    monkeypatch.setattr(clip, "open_clip_model", lambda _: words)
    settings = Settings(data_dir=tmp_path / "data", prompts=own)
    for number, prompt in enumerate(("a chest film", "a hand film", "a chest film")):
        own.write_text(f'[xray]\nprompts = ["{prompt}"]\n')
        clip.open_zero_shot(settings)
        assert words.asked == min(number + 1, 2)
    assert "a hand film" in words.texts_of_call


def test_what_the_next_start_would_not_give_is_not_kept(start: Start, tmp_path: Path, origin: Origin) -> None:
    assert [start(made_of=None)[0] for _ in range(2)] == [1, 1]
    gone = Origin("words", (tmp_path / "gone",))
    assert [start(made_of=gone)[0] for _ in range(2)] == [1, 1]
    vectors = PromptVectors(tmp_path / "data", origin)

    def replaced() -> list[Floats]:
        origin.files[0].write_bytes(b"weights that came while the tower was asked")
        return [np.ones((2, WIDTH), np.float32), np.ones((1, WIDTH), np.float32)]

    vectors.of(PROMPTS.modalities, replaced)
    with capture_logs() as lines:
        infinite = [np.full((2, WIDTH), np.nan, np.float32), np.ones((1, WIDTH), np.float32)]
        PromptVectors(tmp_path / "data", origin).of(PROMPTS.modalities, lambda: infinite)
    assert [line["event"] for line in lines] == ["prompt_vectors_not_kept"]
    assert kept(tmp_path) == []
