"""Fits the compact CLIP to a backbone: `medlens train clip`, minutes on two cores, since backbone and text tower stay as they are.

A two-layer projection of the pooled features and one linear layer over the text tower are trained to put each image near its
captions and away from others' (contrastive, both ways); captions that mean nearly the same share the target. Images are drawn by
class and by 1/sqrt(size of their origin). features.py makes the features, clip_file.py writes the result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from server.contract.modalities import MODALITIES
from server.models.compact import HIDDEN, WIDTH
from server.training.cnn.imagenet_points import Points
from server.training.data.captions import captions_for
from server.training.data.dataset import Row

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]
Progress = Callable[[int, int, float], None]

MOST_CAPTIONS = 64  # of one image: more only repeats its words
WIDE_LABELS = {"other_medical": 2.0, "non_medical": 2.0}  # these hold many kinds each, the other four one
LARGEST_SCALE = 100.0  # CLIP's own limit: beyond it the softmax is a maximum


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every number that shapes the fit."""

    steps: int = 150  # seconds on idle cores; the rate has come down by then
    batch: int = 256
    rate: float = 1e-3
    text_rate: float = 0.3  # of the rate: words nobody trained on move along, so they should move little
    decay: float = 0.02
    dropout: float = 0.2
    first_scale: float = 20.0
    alike: float = 30.0  # how sharply captions must agree to share a target: weights softmax(alike * cosine)
    made_up: float = 0.2  # share of made-up photos of the ImageNet classes
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Captioned:
    """Images and their captions: `vectors` [m, WIDTH] of the distinct captions, and for each image the rows of its own.

    `named` [c, k]: for each class of synthetic photos the rows of the captions that name it.
    """

    vectors: Floats
    of: Sequence[Indices]
    named: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class Projection:
    """The fitted projection: tensors by open_clip's names, float32, and the logit scale."""

    tensors: dict[str, Floats]
    scale: float


def caption_rows(
    rows: Sequence[Row], classes: Sequence[str], encode: Callable[[Sequence[str]], Floats], names: Sequence[str] = ()
) -> Captioned:
    """All rows' captions, embedded once each. `classes`: the ImageNet class seen in each image, or ""; `names`: all classes'."""
    own = [
        captions_for({key: str(value) for key, value in asdict(row).items()} | {"imagenet_class": seen})[:MOST_CAPTIONS]
        for row, seen in zip(rows, classes, strict=True)
    ]
    made_up = [captions_for({"label": "non_medical", "kind": "photo", "imagenet_class": name}) for name in names]
    texts = sorted({text for captions in (*own, *made_up) for text in captions})
    place = {text: i for i, text in enumerate(texts)}
    named = np.array([[place[text] for text in captions] for captions in made_up]) if names else None
    return Captioned(encode(texts), [np.array([place[text] for text in captions]) for captions in own], named)


def drawing_weights(rows: Sequence[Row], chosen: Indices) -> NDArray[np.float64]:
    """The chance of each chosen row to be drawn: labels even but for WIDE_LABELS, within one by 1/sqrt(size of the origin)."""
    sizes = Counter((rows[i].label, rows[i].origin) for i in chosen)
    weights = np.array([sizes[rows[i].label, rows[i].origin] ** -0.5 for i in chosen])
    labels = np.array([rows[i].label for i in chosen])
    for label in MODALITIES:
        if (mine := labels == label).any():
            weights[mine] *= WIDE_LABELS.get(label, 1.0) / weights[mine].sum()
    return np.asarray(weights / weights.sum())


def fit_projection(
    features: Floats, rows: Sequence[Row], captions: Captioned, chosen: Indices, recipe: Recipe | None = None,
    progress: Progress | None = None, points: Points | None = None,
) -> Projection:  # fmt: skip
    """Train on the `chosen` rows of `features` [n, f], and on synthetic photos where `points` and captions.named are given."""
    recipe = recipe or Recipe()
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    mean, spread = features[chosen].mean(0), features[chosen].std(0) + 1e-3
    x = torch.from_numpy((features[chosen] - mean) / spread)
    words = torch.from_numpy(captions.vectors)
    first, second = nn.Linear(features.shape[1], HIDDEN), nn.Linear(HIDDEN, WIDTH)
    image = nn.Sequential(nn.Dropout(recipe.dropout), first, nn.GELU(), nn.Dropout(recipe.dropout), second)
    text = nn.Linear(WIDTH, WIDTH, bias=False)
    nn.init.eye_(text.weight)
    scale = nn.Parameter(torch.tensor(float(np.log(recipe.first_scale))))
    groups: list[dict[str, Any]] = [
        {"params": list(image.parameters()), "lr": recipe.rate, "weight_decay": recipe.decay},
        {"params": list(text.parameters()), "lr": recipe.rate * recipe.text_rate, "weight_decay": 0.0},
        {"params": [scale], "lr": recipe.rate, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [group["lr"] for group in groups], total_steps=recipe.steps, pct_start=0.1
    )
    chances = drawing_weights(rows, chosen)
    for step in range(recipe.steps):
        drawn = rng.choice(len(chosen), recipe.batch, p=chances)
        chosen_captions = torch.tensor([int(rng.choice(captions.of[chosen[i]])) for i in drawn])
        seen = x[drawn]
        if points is not None and captions.named is not None:
            count = round(recipe.batch * recipe.made_up)
            made, classes = points.draw(features, count, rng)
            seen[:count] = torch.from_numpy((made - mean) / spread)
            chosen_captions[:count] = torch.from_numpy(captions.named[classes, rng.integers(0, captions.named.shape[1], count)])
        loss = contrast(F.normalize(image(seen), dim=1), words[chosen_captions], text, scale.exp(), recipe.alike)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            scale.clamp_(max=float(np.log(LARGEST_SCALE)))
        if progress:
            progress(step + 1, recipe.steps, float(loss.detach()))
    weight = first.weight.detach().numpy() / spread
    tensors = {
        "visual.head.mlp.fc1.weight": weight,
        "visual.head.mlp.fc1.bias": first.bias.detach().numpy() - weight @ mean,
        "visual.head.mlp.fc2.weight": second.weight.detach().numpy(),
        "visual.head.mlp.fc2.bias": second.bias.detach().numpy(),
        "text.proj.weight": text.weight.detach().numpy(),
    }
    return Projection(
        {name: np.ascontiguousarray(value, np.float32) for name, value in tensors.items()}, float(scale.detach().exp())
    )


def contrast(images: Tensor, words: Tensor, text: nn.Module, scale: Tensor, alike: float) -> Tensor:
    """The symmetric loss of unit `images` [b, d] and their captions' teacher vectors `words` [b, d], with softened targets."""
    logits = scale * images @ F.normalize(text(words), dim=1).T
    target = (alike * words @ words.T).softmax(1)
    ways = (logits.log_softmax(1), logits.T.log_softmax(1))
    return sum((-(target * way).sum(1).mean() for way in ways), torch.zeros(())) / 2
