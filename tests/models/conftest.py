"""What tests of prompts' vectors share: a CLIP that counts how often it is asked, and starts that keep what it said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from server.models.clip import ZeroShot, unit
from server.models.members import View
from server.models.prompt_vectors import FOLDER, Floats, Origin, PromptVectors
from server.models.prompts import PromptClass, Prompts

WIDTH = 8
PROMPTS = Prompts((PromptClass("ct", ("a lung", "a head"), ("{}", "a CT of {}")), PromptClass("mri", ("a knee",))))
IMAGE_VECTORS = np.random.default_rng(1).normal(size=(5, WIDTH)).astype(np.float32)
Start: TypeAlias = Callable[..., tuple[int, Floats]]


@dataclass
class CountingClip:
    """A CLIP whose vectors of texts are drawn by the texts; it counts how often it is asked for some."""

    asked: int = 0
    scale: float = 20.0
    texts_of_call: list[str] = field(default_factory=list)

    def texts(self, texts: Sequence[str]) -> Floats:
        self.asked, self.texts_of_call = self.asked + 1, list(texts)
        drawn = [np.random.default_rng(int(sha256(text.encode()).hexdigest()[:8], 16)).normal(size=WIDTH) for text in texts]
        return unit(np.asarray(drawn, np.float32))

    def images(self, view: View) -> Floats:
        return IMAGE_VECTORS[: len(view.images)]


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    weights = tmp_path / "weights"
    weights.write_bytes(b"first")
    return Origin("words", (weights,))


@pytest.fixture
def start(tmp_path: Path, origin: Origin) -> Start:
    """start() -> (how often the tower was asked, the scores of IMAGE_VECTORS), as a process that begins with this data folder."""

    def begin(prompts: Prompts = PROMPTS, made_of: Origin | None = origin) -> tuple[int, Floats]:
        words = CountingClip()
        zero_shot = ZeroShot(words, prompts, PromptVectors(tmp_path / "data", made_of))
        return words.asked, zero_shot.scores(IMAGE_VECTORS)

    return begin


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "data" / FOLDER).glob("*"))
