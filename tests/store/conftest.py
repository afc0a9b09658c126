"""Records for the store's tests, made to order."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import pytest

from server.records import MODALITIES, NON_MEDICAL, JudgedImage, Modality, Panel, Place, UniqueImage, Verdict

MODEL = "model-1"
Judge = Callable[..., JudgedImage]


def verdict(modality: Modality = "ct", confidence: float = 0.9, model_version: str = MODEL, **changes: bool) -> Verdict:
    rest = (1 - confidence) / (len(MODALITIES) - 1)
    probabilities = {name: confidence if name == modality else rest for name in MODALITIES}
    facts = {"uncertain": False, "agree": True, "cached": False} | changes
    return Verdict(
        modality=modality,
        is_medical=modality != NON_MEDICAL,
        confidence=confidence,
        probabilities=probabilities,
        members={"cnn": probabilities, "clip": probabilities},
        model_version=model_version,
        **facts,
    )


@pytest.fixture
def judge() -> Judge:
    """judge(name, modality, ...) -> an image whose bytes are `name`, with a verdict."""

    def make(
        name: str = "a",
        modality: Modality = "ct",
        confidence: float = 0.9,
        *,
        near: str | None = None,
        places: tuple[Place, ...] = (Place("https://example.org/a.png", "img", alt="A scan", box=(1, 2.5, 300, 200)),),
        panels: tuple[Panel, ...] = (),
        thumbnail: bytes | None = None,
        model_version: str = MODEL,
        **changes: bool,
    ) -> JudgedImage:
        image = UniqueImage(
            sha256=digest(name),
            width=640,
            height=480,
            format="png",
            size=len(name),
            places=places,
            data=b"",
            phash="00ff00ff00ff00ff",
            near_duplicate_of=digest(near) if near else None,
        )
        return JudgedImage(image, verdict(modality, confidence, model_version, **changes), panels, thumbnail)

    return make


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()
