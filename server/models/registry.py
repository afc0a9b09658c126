"""The models that ship and those that can be pulled from a hub, as `medlens models` lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from server.contract.errors import NotFound
from server.models.checkpoint import WEIGHTS

HUB = "hf-hub:"
MIB = 1024 * 1024
CONFIG = "open_clip_config.json"
WEIGHT_FILE = "open_clip_model.safetensors"  # never the pickled .bin that lies beside it in older repositories
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json", "merges.txt")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file to fetch: `repository` and `path` on the hub (or a whole `url`), kept under `name`.

    `sha256`: what it must hash to, or how that begins (torchvision writes eight digits into its names); None: the one that the hub
    sends.
    """

    name: str
    repository: str = ""
    path: str = ""
    revision: str = "main"
    url: str = ""
    sha256: str | None = None
    size: int | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Remote:
    """A model that can be pulled into `folder` under DATA_DIR/models. `size`: bytes, about. `setting`: how to use it."""

    name: str
    folder: str
    size: int
    licence: str
    source: str
    setting: str
    files: tuple[HubFile, ...]

    def present(self, models: Path) -> bool:
        return all((models / self.folder / file.name).is_file() for file in self.files if not file.optional)


@dataclass(frozen=True, slots=True)
class Shipped:
    """A model that comes with medlens, or is trained by the user into this place."""

    name: str
    path: Path
    licence: str
    source: str

    def present(self) -> bool:
        return self.path.is_file()


SHIPPED = (
    Shipped("cnn", WEIGHTS / "cnn.safetensors", "see docs/model-card.md", "medlens train cnn"),
    Shipped("parts", WEIGHTS / "parts.safetensors", "see docs/model-card.md", "medlens train cnn"),
    Shipped("clip", WEIGHTS / "clip.safetensors", "see docs/model-card.md; text tower Apache-2.0", "medlens train clip"),
    Shipped("kmeans", WEIGHTS / "kmeans.safetensors", "see docs/model-card.md", "medlens train kmeans"),
)


def _clip(name: str, tag: str, repository: str, size: int, licence: str) -> Remote:
    return Remote(
        f"{name}/{tag}",
        folder_name(name, tag),
        size,
        licence,
        repository,
        f"MEDLENS_CLIP_MODEL={name} MEDLENS_CLIP_PRETRAINED={tag}",
        _open_clip_files(repository),
    )


def folder_name(model: str, tag: str) -> str:
    """The folder under DATA_DIR/models that holds an open_clip model."""
    name = model.removeprefix(HUB) if model.startswith(HUB) else f"{model}__{tag}"
    return name.replace("/", "--").replace(":", "-")


def _open_clip_files(repository: str) -> tuple[HubFile, ...]:
    needed = tuple(HubFile(name, repository, name) for name in (CONFIG, WEIGHT_FILE))
    return needed + tuple(HubFile(name, repository, name, optional=True) for name in TOKENIZER_FILES)


BIOMED = "microsoft/BiomedCLIP-PubMedBERT_256-vit_base_patch16_224"
BIOMED_TEXT = "microsoft/BiomedNLP-BiomedBERT-base-uncased-abstract"  # its configuration alone: the weights are in BIOMED's file

REMOTE: dict[str, Remote] = {
    remote.name: remote
    for remote in (
        _clip("ViT-B-32", "laion2b_s34b_b79k", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", 577 * MIB, "MIT"),
        _clip("ViT-B-32", "openai", "timm/vit_base_patch32_clip_224.openai", 577 * MIB, "MIT"),
        Remote(
            "biomedclip",
            folder_name(HUB + BIOMED, ""),
            748 * MIB,
            "MIT; for research",
            BIOMED,
            f"MEDLENS_CLIP_MODEL={HUB}{BIOMED}",
            (*_open_clip_files(BIOMED), HubFile("text/config.json", BIOMED_TEXT, "config.json")),
        ),
        Remote(
            "mobilenet_v2",
            "torchvision",
            14 * MIB,
            "BSD-3-Clause; ImageNet",
            "torchvision",
            "medlens train cnn --arch mobilenet_v2, medlens cluster --features mobilenet_v2",
            (
                HubFile(
                    "mobilenet_v2-b0353104.pth",
                    url="https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
                    sha256="b0353104",
                ),
            ),
        ),
        Remote(
            "vgg16",
            "torchvision",
            528 * MIB,
            "BSD-3-Clause; ImageNet",
            "torchvision",
            "medlens train cnn --arch vgg16",
            (HubFile("vgg16-397923af.pth", url="https://download.pytorch.org/models/vgg16-397923af.pth", sha256="397923af"),),
        ),
    )
}


def lookup(name: str) -> Remote:
    """The known model `name`, any NAME/TAG of open_clip, or hf-hub:OWNER/MODEL. Raises NotFound that lists what there is."""
    if name in REMOTE:
        return REMOTE[name]
    if name == HUB + BIOMED:
        return REMOTE["biomedclip"]
    if name.startswith(HUB):
        repository = name.removeprefix(HUB)
        return Remote(
            name, folder_name(name, ""), 0, "see the hub", repository, f"MEDLENS_CLIP_MODEL={name}", _open_clip_files(repository)
        )
    model, _, tag = name.partition("/")
    if repository := _repository(model, tag):
        return _clip(model, tag, repository, 0, "see the hub")
    raise NotFound(f"no model is called {name!r}; known: {', '.join(known_names())}, any NAME/TAG of open_clip, hf-hub:OWNER/MODEL")


def known_names() -> Iterable[str]:
    return (*(one.name for one in SHIPPED), *REMOTE)


def _repository(model: str, tag: str) -> str:
    if not tag:
        return ""
    import open_clip  # noqa: PLC0415 - seconds of import, for names that are not in the list above only

    found = open_clip.get_pretrained_cfg(model, tag) or {}
    return str(found.get("hf_hub", "")).rstrip("/")
