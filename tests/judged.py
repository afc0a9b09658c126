"""Images with their answers, made to order: what the store keeps and the service shows, without a model that judged."""

from __future__ import annotations

from hashlib import sha256

from server.contract.modalities import MODALITIES, NON_MEDICAL, Modality
from server.contract.records import JudgedImage, Panel, Place, UniqueImage
from server.contract.verdict import Medical, Verdict

MODEL = "model-1"


def verdict(
    modality: Modality = "ct",
    confidence: float = 0.9,
    model_version: str = MODEL,
    contains: tuple[Modality, ...] | None = None,
    **changes: bool,
) -> Verdict:
    """Sure of both questions, and of one part where it is medical; `uncertain`, `medical_sure` and `contains` say otherwise."""
    rest = (1 - confidence) / (len(MODALITIES) - 1)
    probabilities = {name: confidence if name == modality else rest for name in MODALITIES}
    facts = {"agree": True, "cached": False, **changes}
    sure = not facts.pop("uncertain", False)
    medical = Medical(1 - probabilities[NON_MEDICAL], facts.pop("medical_sure", sure))
    return Verdict(
        modality=modality,
        is_medical=modality != NON_MEDICAL,
        confidence=confidence,
        probabilities=probabilities,
        medical=medical,
        sure=sure,
        contains=((modality,) if modality != NON_MEDICAL else ()) if contains is None else contains,
        members={"cnn": probabilities, "clip": probabilities},
        model_version=model_version,
        **facts,
    )


def judged(
    name: str = "a",
    modality: Modality = "ct",
    confidence: float = 0.9,
    *,
    alt: str = "A scan",
    near: str | None = None,
    places: tuple[Place, ...] | None = None,
    panels: tuple[Panel, ...] = (),
    thumbnail: bytes | None = None,
    model_version: str = MODEL,
    contains: tuple[Modality, ...] | None = None,
    **changes: bool,
) -> JudgedImage:
    """An image whose bytes are `name`, with its answer; `near` names the image it nearly is. Without `places`: a page's."""
    image = UniqueImage(
        sha256=digest(name),
        width=640,
        height=480,
        format="png",
        size=len(name),
        places=(Place(f"https://example.org/{name}.png", "img", alt=alt, box=(1, 2.5, 300, 200)),) if places is None else places,
        data=b"",
        phash="00ff00ff00ff00ff",
        near_duplicate_of=digest(near) if near else None,
    )
    return JudgedImage(image, verdict(modality, confidence, model_version, contains, **changes), panels, thumbnail)


def digest(name: str) -> str:
    return sha256(name.encode()).hexdigest()
