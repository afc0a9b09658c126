"""Every parameter of the CNN's training with its reason, the default recipe, and the origin's recipe as one of its values.

A config is written whole into the checkpoint's card and into the results.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from server.models.cnn import Arch

LICENCES = "Learned from research data under mixed licences, some noncommercial; see docs/model-card.md. Not a medical device."
ORIGIN_VGG16 = "origin"  # the name of the origin's recipe on the command line


@dataclass(frozen=True, slots=True)
class TrainConfig:
    data: Path = Path("data")  # DIR with manifest.csv, or folders per class
    out: Path = Path("runs/cnn")  # logs, resume state, best checkpoint
    cache: Path = Path("runs/cache")  # decoded pixels
    arch: Arch = "efficientnet_lite0"
    weights: str = "imagenet"  # imagenet, none, or one of our checkpoints
    hold_out: int | None = None  # fold never trained on; None trains on everything
    in_source: float = 0.0  # held out from within every origin (whole groups): the origin documents' own way of testing
    side: int = 192  # pixels in training: a quarter cheaper than 224
    serve_side: int = 224  # pixels when measured and served; crops in training make things look larger, so serve larger
    batch: int = 32  # more steps an epoch than 64 at the same cost on a CPU
    epochs: int = 4
    images_per_epoch: int = 6400  # balanced draws, not one pass: the large origins would be seen too often
    optimiser: Literal["adamw", "adam"] = "adamw"
    lr: float = 5e-4  # of the body
    head_lr: float = 2e-3  # heads start from a fit on frozen features, so 4 times the body's is enough
    weight_decay: float = 0.02
    one_cycle: bool = True
    warm_up: float = 0.15  # share of the steps
    label_smoothing: float = 0.05
    ema: float = 0.99  # a few hundred steps in all: .99 looks back over half an epoch; 0 keeps none
    freeze_stages: int = 4  # stem and first three blocks stand still: edges and textures need no relearning; 40 % less time
    frozen_steps: int = 250  # heads alone, on cached features (or, where there are none, on images with a frozen body)
    kind_weight: float = 0.3  # auxiliary: finer kinds and body parts keep features rich
    text_weight: float = 0.3  # auxiliary: captions' embeddings, for the compact CLIP that shares the features
    keep_weight: float = 0.3  # auxiliary: photos keep the answers of the frozen ImageNet backbone
    balanced: bool = True  # by class, origin and kind; False draws each image alike
    non_medical_share: float = 0.38  # of the draws; the other five classes share the rest evenly
    synthetic_share: float = 0.12  # of the non-medical draws are drawn by formula
    augmentation: Literal["web", "origin", "none"] = "web"
    tune: bool = False  # all layers by steps below; else the body stays as it is and the head alone is fitted (train_head.py)
    phantoms: int = 30  # drawn of each kind for the head, at least 1; that a kind is there counts, not how often
    select: Literal["last", "best"] = "last"  # "best" keeps the epoch of least loss on the held-out part (the origin's way)
    patience: int = 0  # epochs without a better held-out loss before it stops; 0 never
    validation_share: float = 0.1  # held out by origin when no fold is, for select="best" and early stop
    seed: int = 1
    workers: int = 2  # processes that augment
    save_every: int = 50  # steps between resume states; a state takes 0.2 s
    threads: int = 0  # of torch; 0 is torch's choice. On cores that others use, one thread a run wastes least
    device: str = "auto"


ORIGIN = TrainConfig(
    arch="vgg16", epochs=120, images_per_epoch=0, batch=64, optimiser="adam", lr=1e-4, head_lr=1e-4, weight_decay=0.0,
    one_cycle=False, label_smoothing=0.0, ema=0.0, kind_weight=0.0, text_weight=0.0, keep_weight=0.0, balanced=False,
    synthetic_share=0.0, augmentation="origin", select="best", patience=15, frozen_steps=200, freeze_stages=0, side=224,
    tune=True,
)  # fmt: skip


def named_config(name: str | None) -> TrainConfig:
    """The default recipe, or the origin's."""
    return ORIGIN if name == ORIGIN_VGG16 else replace(TrainConfig())
