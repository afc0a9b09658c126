"""The ensemble's members by name: which files each needs, and how it turns a batch of images into six-modality logits.

A member either reads the features of the one shared backbone, so that several predictions cost one forward pass, or runs a network
of its own. Any subset can be used. The caller passes `open_network`, so that this module does not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from PIL import Image

from server.contract.errors import ModelError, SettingsError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.calibration import Floats
from server.models.checkpoint import SHIPPED_CNN, WEIGHTS, Card, read_card
from server.models.compact import compact_files
from server.models.head_file import files_of, read_head
from server.models.registry import BIOMED, CONFIG, HUB, folder_name
from server.settings import Settings

COMPACT = ("medlens-compact", "shipped")  # the settings' CLIP_MODEL and CLIP_PRETRAINED that ship
BIOMED_CLIP = "biomedclip"  # what `medlens models pull` calls it, shorter than its address
PROMPTS = Path(__file__).parent / "prompts"
FETCHED = "models"  # folder under DATA_DIR for weights that do not ship: pulled from a hub, or trained by the user


@dataclass(frozen=True, slots=True)
class View:
    """A batch of n images as members get it. `features` [n, f]: the shared backbone's, None when no member reads them."""

    images: Sequence[Image.Image]
    features: Floats | None = None


class Member(Protocol):
    """An opened member.

    `logits(view)` is float32 [n, 6] in the order of MODALITIES, not calibrated; called by one thread at a time.
    """

    @property
    def name(self) -> str: ...

    def logits(self, view: View) -> Floats: ...


class Network(Protocol):
    """A network that runs: pooled features [n, f] of n RGB images of any size."""

    @property
    def card(self) -> Card: ...

    def features(self, images: Sequence[Image.Image]) -> Floats: ...

    def cells(self, image: Image.Image) -> Floats:
        """The channels [c, h, w] of a figure's cells, of an EfficientNet-Lite0."""
        ...


OpenNetwork: TypeAlias = Callable[[Path], Network]


@dataclass(frozen=True, slots=True)
class Kind:
    """A member that is not opened yet. `shared`: it reads the shared features.

    `files` are its weights, `get` is the command that gets them, and `words` are other files that its predictions depend on.
    """

    name: str
    shared: bool
    files: tuple[Path, ...]
    open: Callable[[OpenNetwork], Member]
    get: str = ""
    words: tuple[Path, ...] = ()

    def present(self) -> bool:
        return all(path.is_file() for path in self.files)


@dataclass(frozen=True, slots=True)
class Head:
    """The CNN's linear layer on features: those of `network` if given, else the shared ones."""

    name: str
    weight: Floats  # [6, f]
    bias: Floats  # [6]
    network: Network | None = None

    def logits(self, view: View) -> Floats:
        features = self.network.features(view.images) if self.network else view.features
        if features is None:
            raise ModelError(f"{self.name} reads the shared features, and there are none")
        return np.asarray(features @ self.weight.T + self.bias, np.float32)


def kinds(settings: Settings) -> tuple[Kind, ...]:
    """The members that `settings` names, in its order. Raises SettingsError for none, an unknown or a repeated name."""
    if not settings.members or len(set(settings.members)) != len(settings.members):
        raise SettingsError("MEDLENS_MEMBERS names each member that votes once, and at least one")
    return tuple(_kind(name, settings) for name in settings.members)


def cnn_file(settings: Settings) -> Path:
    """The checkpoint of the member `cnn`: the shipped backbone, or the user's own for another arch."""
    shipped = settings.cnn_arch == "efficientnet_lite0"
    return SHIPPED_CNN if shipped else settings.data_dir / FETCHED / f"{settings.cnn_arch}.safetensors"


def require(kind: Kind) -> None:
    """Raises WeightsMissing, with the command that gets them, when a file of `kind` is not there."""
    if missing := [path.name for path in kind.files if not path.is_file()]:
        raise WeightsMissing(
            f"member {kind.name} has no weights ({', '.join(missing)}): {kind.get} gets them, or leave it out of MEDLENS_MEMBERS"
        )


def open_head(name: str, path: Path, network: Network | None = None) -> Head:
    """The classification head of the checkpoint at `path`. Raises WeightsMissing or ModelError."""
    card = read_card(path)
    if set(card.classes) != set(MODALITIES):
        raise ModelError(f"{path.name} answers {', '.join(card.classes)}, not the six modalities")
    order = [card.classes.index(modality) for modality in MODALITIES]
    weight, bias = read_head(path)
    return Head(name, weight[order], bias[order], network)


def _kind(name: str, settings: Settings) -> Kind:
    if name in _KINDS:
        return _KINDS[name](name, settings)
    if name == BIOMED_CLIP or "/" in name:
        return _hub_clip(name, settings)
    raise SettingsError(
        f"MEDLENS_MEMBERS: no member is called {name!r}; known: {', '.join(KNOWN)}, NAME/TAG of any open_clip model"
    )


def _cnn(name: str, settings: Settings) -> Kind:
    path = cnn_file(settings)
    if path != SHIPPED_CNN:
        return _own_network(name, path, settings.cnn_arch)
    return Kind(name, True, files_of(path), lambda _: open_head(name, path), "`medlens train cnn`")


def _trained(name: str, settings: Settings) -> Kind:
    return _own_network(name, settings.data_dir / FETCHED / f"{name}.safetensors", name)


def _own_network(name: str, path: Path, arch: str) -> Kind:
    get = f"`medlens models pull {arch}`, then `medlens train cnn --arch {arch}`,"
    return Kind(name, False, files_of(path), lambda open_network: open_head(name, path, open_network(path)), get)


def _clip(name: str, settings: Settings) -> Kind:
    """`clip`, as the settings name it: the compact one that ships, or any of open_clip's."""
    model, tag = settings.clip_model, settings.clip_pretrained
    compact = (model, tag) == COMPACT
    pulled = settings.data_dir / FETCHED / folder_name(model, tag) / CONFIG
    files = compact_files() if compact else (pulled,)
    words = tuple(sorted(PROMPTS.glob("*.toml"))) + ((settings.prompts,) if settings.prompts else ())
    get = "`medlens train clip`" if compact else f"`medlens models pull {model if model.startswith(HUB) else f'{model}/{tag}'}`"

    def open_clip(_: OpenNetwork) -> Member:
        # late, because it builds on this module, and because serving without CLIP needs none of it
        opened: Member = replace(import_module("server.models.clip").open_member(settings), name=name)
        return opened

    return Kind(name, compact, files, open_clip, get, words)


def _hub_clip(name: str, settings: Settings) -> Kind:
    model, _, tag = (
        (HUB + BIOMED, "", "") if name == BIOMED_CLIP else (name, "", "") if name.startswith(HUB) else name.partition("/")
    )
    return _clip(name, settings.model_copy(update={"clip_model": model, "clip_pretrained": tag}))


def _kmeans(name: str, _: Settings) -> Kind:
    def open_kmeans(_: OpenNetwork) -> Member:
        opened: Member = import_module("server.models.kmeans").open_kmeans()
        return opened

    return Kind(name, True, (WEIGHTS / "kmeans.safetensors",), open_kmeans, "`medlens train kmeans`")


_KINDS: dict[str, Callable[[str, Settings], Kind]] = {
    "cnn": _cnn,
    "clip": _clip,
    "kmeans": _kmeans,
    "vgg16": _trained,
    "mobilenet_v2": _trained,
}
KNOWN = (*_KINDS, BIOMED_CLIP)
