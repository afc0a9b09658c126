"""The network's losses: the modality, the finer kind, the caption, and for photos the frozen backbone's ImageNet classes.

All four use the same features, so the same function fits the heads on cached features first and the whole network afterwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from server.contract.modalities import NON_MEDICAL
from server.models.cnn import CNN
from server.training.cnn.config import TrainConfig
from server.training.cnn.frozen import Frozen
from server.training.data.dataset import Row
from server.training.data.sampling import DRAWN_KIND, kind_name

TEXT_TEMPERATURE = 0.07  # CLIP's own start
SAME_TEXT = 0.05  # temperature of the target: captions with nearly the same vector share it
DRAWN_CAPTIONS = (
    "a computer-drawn pattern",
    "a synthetic texture",
    "a chart drawn by a computer",
    "an abstract pattern",
    "a diagram",
)
PHOTOS = ("photo", "photo_gray", "art")


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of each row, and one more at the end for drawn images (row number -1)."""

    labels: Tensor
    kinds: Tensor
    captions: list[list[int]]  # numbers into `bank`
    bank: Tensor  # [m, 384] unit vectors, empty without text
    keep: Tensor  # bool: a photo whose ImageNet answers are to be kept


def make_targets(rows: Sequence[Row], cnn: CNN, frozen: Frozen | None, folder: Path) -> Targets:
    """`folder`: where the captions' embeddings are cached; computing them takes a minute."""
    number = {name: i for i, name in enumerate(cnn.classes)}
    kinds = {name: i for i, name in enumerate(cnn.kinds)}
    labels = [number[row.label] for row in rows] + [number.get(NON_MEDICAL, 0)]
    kind = [kinds.get(kind_name(row), -1) for row in rows] + [kinds.get(DRAWN_KIND, -1)]
    captions, bank = _captions(rows, frozen, folder) if cnn.text_dim else ([[] for _ in labels], torch.zeros(0, 1))
    keep = [frozen is not None and row.kind in PHOTOS for row in rows] + [False]
    return Targets(torch.tensor(labels), torch.tensor(kind), captions, bank, torch.tensor(keep))


def _captions(rows: Sequence[Row], frozen: Frozen | None, folder: Path) -> tuple[list[list[int]], Tensor]:
    from server.training.data.captions import captions_for, embed  # noqa: PLC0415  (imports the text teacher)

    known: dict[str, int] = {}
    numbers = []
    for i, row in enumerate(rows):
        line = {"label": row.label, "kind": row.kind, "origin": row.origin, "path": row.path}
        if frozen is not None:
            line["imagenet_class"] = frozen.names[i]
        numbers.append([known.setdefault(caption, len(known)) for caption in captions_for(line)])
    numbers.append([known.setdefault(caption, len(known)) for caption in DRAWN_CAPTIONS])
    digest = hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]
    file = folder / f"captions-{digest}.npy"
    if not file.is_file():
        np.save(file, np.asarray(embed(list(known)), np.float32))
    return numbers, F.normalize(torch.from_numpy(np.load(file)), dim=1)


class Objective:
    """`loss(features, rows)` -> the weighted sum, and each part as a number for the log."""

    def __init__(self, cnn: CNN, config: TrainConfig, targets: Targets, frozen: Frozen | None) -> None:
        self.cnn, self.config, self.targets, self.frozen = cnn, config, targets, frozen
        self.rng = np.random.default_rng(config.seed)

    def loss(self, features: Tensor, rows: Tensor) -> tuple[Tensor, dict[str, float]]:
        """`features` [b, d] with gradient; `rows` [b] row numbers, DRAWN for drawn images."""
        config, cnn, device = self.config, self.cnn, features.device
        dropped = cnn.dropout(features)
        logits = cnn.head(dropped).float()
        labels = self.targets.labels[rows].to(device)
        parts = {"label": F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)}
        total = parts["label"]
        if cnn.kind_head is not None:
            parts["kind"] = F.cross_entropy(
                cnn.kind_head(dropped).float(),
                self.targets.kinds[rows].to(device),
                ignore_index=-1,
                label_smoothing=config.label_smoothing,
            )
            total = total + config.kind_weight * parts["kind"]
        if cnn.text_projection is not None:
            parts["text"] = self._text(cnn.text_projection(features).float(), rows)
            total = total + config.text_weight * parts["text"]
        keep = self.targets.keep[rows] if config.keep_weight else torch.zeros(0, dtype=torch.bool)
        if self.frozen is not None and bool(keep.any()):
            wanted = self.frozen.probabilities(rows[keep].numpy()).to(device)
            layer = self.frozen.classifier
            imagenet_logits = F.linear(features[keep.to(device)].float(), layer.weight.to(device), layer.bias.to(device)) / 2
            parts["keep"] = F.kl_div(imagenet_logits.log_softmax(1), wanted, reduction="batchmean")
            total = total + config.keep_weight * parts["keep"] * keep.float().mean()
        return total, {name: float(part.detach()) for name, part in parts.items()}

    def _text(self, projected: Tensor, rows: Tensor) -> Tensor:
        """Each image against every caption there is; captions with nearly the same meaning all count as right."""
        chosen = [int(self.rng.choice(self.targets.captions[row])) for row in rows.tolist()]
        bank = self.targets.bank.to(projected.device)
        wanted = (bank[chosen] @ bank.T / SAME_TEXT).softmax(1)
        similarities = F.normalize(projected, dim=1) @ bank.T / TEXT_TEMPERATURE
        return F.cross_entropy(similarities, wanted)
