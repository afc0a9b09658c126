"""CLIP by prompts: images and texts as vectors of one space, and the ensemble member that scores an image by its nearest texts.

Two kinds behind one protocol: the compact CLIP that ships (it reads the shared features, in numpy), and any model of open_clip
(any_clip.py, with torch).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from server.contract.errors import ModelError
from server.models.compact import (
    SHIPPED_CLIP,
    CompactCard,
    Tensors,
    compact_files,
    read_compact_card,
    read_compact_tensors,
    shipped_backbone,
)
from server.models.members import FETCHED, View
from server.models.prompt_vectors import Origin, PromptVectors
from server.models.prompts import PromptClass, Prompts, load_prompts
from server.models.text_tower import PREFIX, TextTower
from server.settings import Settings

Floats: TypeAlias = NDArray[np.float32]

COMPACT = ("medlens-compact", "shipped")  # MEDLENS_CLIP_MODEL and _CLIP_PRETRAINED of the CLIP that ships


class Clip(Protocol):
    """Both towers. `images(view)` and `texts(...)` give unit vectors [n, d]; `scale` multiplies their cosines into logits."""

    @property
    def scale(self) -> float: ...

    def images(self, view: View) -> Floats: ...

    def texts(self, texts: Sequence[str]) -> Floats: ...


def unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-8), np.float32)


@dataclass(frozen=True)
class CompactClip:
    """The compact CLIP: `tensors` of its projection (float32), its text tower when asked for, the logit scale."""

    tensors: Tensors
    tower: Callable[[], TextTower]
    scale: float

    def project(self, features: Floats) -> Floats:
        """Shared features [n, 1280 or more, the body's first] to unit vectors [n, WIDTH]."""
        weight = self.tensors["visual.head.mlp.fc1.weight"]
        inner = features[:, : weight.shape[1]] @ weight.T + self.tensors["visual.head.mlp.fc1.bias"]
        inner = inner * (0.5 * (1 + erf(inner / np.float32(np.sqrt(2)))))
        return unit(inner @ self.tensors["visual.head.mlp.fc2.weight"].T + self.tensors["visual.head.mlp.fc2.bias"])

    def images(self, view: View) -> Floats:
        if view.features is None:
            raise ModelError("the compact CLIP reads the shared features, and there are none")
        return self.project(view.features)

    def texts(self, texts: Sequence[str]) -> Floats:
        """Pass all texts in one call: the text tower (71 MB) is loaded for the call and released afterwards."""
        return self.tower().encode(texts)


def open_compact(path: Path = SHIPPED_CLIP, backbone: str | None = None) -> CompactClip:
    """The compact CLIP at `path`, its text tower yet unread. Raises WeightsMissing, or ModelError when it fits another backbone.

    `backbone`: the digest of the backbone whose features it will read; None takes the shipped CNN's.
    """
    card = read_compact_card(path)
    if card.backbone != (backbone or shipped_backbone()):
        raise ModelError(f"{path.name} was fitted to another backbone than cnn.safetensors; `medlens train clip` fits it again")
    return CompactClip(read_compact_tensors(path, ("visual.head.",)), partial(_open_tower, path, card), card.scale)


def _open_tower(path: Path, card: CompactCard) -> TextTower:
    return TextTower(read_compact_tensors(path, (PREFIX,)), card)


class ZeroShot:
    """Scores images against classes, each of which is a set of prompt vectors.

    A prompt's vector is the mean over its templates. A class's logit is the mean of two: the cosine with the middle of the cloud,
    and the log of the mean of exp(scale * cosine) over the prompts, which is high when one prompt fits well. Either alone
    is worse (docs/experiments.md); neither gives a class an advantage for having many prompts.
    """

    def __init__(self, clip: Clip, prompts: Prompts, kept: PromptVectors | None = None) -> None:
        """`kept`: a store of prompt vectors; the text tower runs only for those that are not in it."""
        self.clip = clip
        self.classes = (*prompts.modalities, *prompts.own)
        self._modalities = len(prompts.modalities)
        embed = partial(_embedded, clip, self.classes)
        self._prompts = kept.of(self.classes, embed) if kept else embed()

    @property
    def names(self) -> tuple[str, ...]:
        """The six modalities, then the user's own classes: the columns of `scores`."""
        return tuple(one.name for one in self.classes)

    def scores(self, vectors: Floats) -> Floats:
        """Logits [n, classes] of image vectors [n, d], own classes included."""
        columns = []
        for prompts in self._prompts:
            powers = self.clip.scale * (vectors @ prompts.T)
            top = powers.max(axis=1, keepdims=True)
            nearest = top[:, 0] + np.log(np.exp(powers - top).mean(axis=1))
            columns.append((nearest + self.clip.scale * (vectors @ unit(prompts.mean(axis=0)))) / 2)
        return np.asarray(np.stack(columns, axis=1), np.float32)

    def modalities(self, vectors: Floats) -> Floats:
        """Logits [n, 6] of image vectors [n, d], in the order of MODALITIES; own classes are left out."""
        return self.scores(vectors)[:, : self._modalities]


def _embedded(clip: Clip, classes: Sequence[PromptClass]) -> list[Floats]:
    """The prompts' vectors of each class [its prompts, d], by one call of the text tower."""
    flat = clip.texts([text for one in classes for ways in one.texts for text in ways])
    ends = np.cumsum([len(one.prompts) * len(one.templates) for one in classes])
    parts = zip(classes, np.split(flat, ends[:-1]), strict=True)
    return [unit(part.reshape(len(one.prompts), len(one.templates), -1).mean(axis=1)) for one, part in parts]


@dataclass(frozen=True)
class ClipMember:
    """The ensemble member: zero-shot over the six modalities."""

    zero_shot: ZeroShot
    name: str = "clip"

    def logits(self, view: View) -> Floats:
        return self.zero_shot.modalities(self.zero_shot.clip.images(view))


def is_compact(settings: Settings) -> bool:
    return (settings.clip_model, settings.clip_pretrained) == COMPACT


def open_clip_model(settings: Settings) -> Clip:
    """The CLIP that `settings` names. Raises WeightsMissing with the command that fetches it, SettingsError for an unknown name."""
    if is_compact(settings):
        return open_compact()
    from server.models.any_clip import AnyClip  # noqa: PLC0415 - torch and open_clip take seconds to import

    return AnyClip(settings.clip_model, settings.clip_pretrained, settings.data_dir / FETCHED, settings.device)


def open_zero_shot(settings: Settings) -> ZeroShot:
    """The CLIP that `settings` names with the shipped prompts or the user's. Raises as open_clip_model and load_prompts do."""
    kept = PromptVectors(settings.data_dir, _origin(settings))
    return ZeroShot(open_clip_model(settings), load_prompts(settings.prompts), kept)


def open_member(settings: Settings) -> ClipMember:
    """The member `clip`, with the shipped prompts or the user's."""
    return ClipMember(open_zero_shot(settings))


def _origin(settings: Settings) -> Origin | None:
    if is_compact(settings):
        return Origin(COMPACT[0], compact_files())
    from server.models.any_clip import origin  # noqa: PLC0415 - as above

    return origin(settings.clip_model, settings.clip_pretrained, settings.data_dir / FETCHED, settings.device)
