"""Writes the compact CLIP (clip.safetensors) and its card (clip.json), and reads its text tower back.

Half precision throughout, and 8-bit floats (e4m3) for the text tower's matrices: their vectors keep a cosine of .998 with full
precision, at half the size. Knows tensors and names only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from server.contract.errors import ModelError
from server.models.compact import CompactCard, Tensors, shipped_backbone
from server.training.clip.train_clip import Projection

TEXT = "text.transformer."


def text_tensors(tower: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A BertModel's state under the checkpoint's names, its matrices as 8-bit floats."""
    return {TEXT + name: value.to(torch.float8_e4m3fn if value.ndim == 2 else torch.float16) for name, value in tower.items()}


def read_text(path: Path) -> dict[str, Tensor]:
    """The text tower of an earlier checkpoint, as stored, to be fitted to another backbone."""
    return {name: value for name, value in load_file(path).items() if name.startswith(TEXT)}


def widened(text: Mapping[str, Tensor]) -> Tensors:
    """Stored text tensors as the float32 arrays that serving will see."""
    return {name: value.float().numpy() for name, value in text.items()}


def write_clip(path: Path, cnn: Path, text: Mapping[str, Tensor], projection: Projection, card: CompactCard) -> CompactCard:
    """Write `path` and its card from the text tower and the projection fitted to the body of `cnn`; whole or not at all."""
    tensors: dict[str, Tensor] = dict(text)
    if shipped_backbone(cnn) != card.backbone:
        raise ModelError(f"{cnn.name} has changed while the compact CLIP was fitted to it; run `medlens train clip` again")
    tensors |= {name: torch.from_numpy(value).half() for name, value in projection.tensors.items()}
    tensors["logit_scale"] = torch.tensor(float(np.log(projection.scale)), dtype=torch.float32)
    card = replace(card, scale=projection.scale)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in tensors.items()}, part, metadata={"format": "pt"})
    part_card = path.with_suffix(".json.part")
    part_card.write_text(json.dumps(card.as_json(), ensure_ascii=False))
    part.replace(path)
    part_card.replace(path.with_suffix(".json"))
    return card


def stored(projection: Projection) -> Projection:
    """The projection as it is once written: half precision."""
    halves = {name: value.astype(np.float16).astype(np.float32) for name, value in projection.tensors.items()}
    return Projection(halves, projection.scale)
