"""Writes the compact CLIP (clip.safetensors) and its card (clip.json), and reads its text tower back.

Half precision throughout, and 8-bit floats (e4m3) for the text tower's matrices: their vectors keep a cosine of .998 with full
precision, at half the size.
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
from server.models.checkpoint import READABLE
from server.models.compact import CARD, CHANGED, FORMAT, CompactCard, Tensors, projection_file, shipped_backbone
from server.training.clip.train_clip import Projection

TEXT = "text.transformer."


def text_tensors(tower: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A BertModel's state under the checkpoint's names, its matrices as 8-bit floats."""
    return {TEXT + name: value.to(torch.float8_e4m3fn if value.ndim == 2 else torch.float16) for name, value in tower.items()}


def read_text(path: Path) -> dict[str, Tensor]:
    """The text tower of an earlier checkpoint, as stored, to be fitted to another backbone."""
    return {name: value for name, value in load_file(path).items() if name.startswith(TEXT)}


def widened(text: Mapping[str, Tensor]) -> Tensors:
    """Stored text tensors as the float32 arrays that serving reads."""
    return {name: value.float().numpy() for name, value in text.items()}


def write_clip(path: Path, cnn: Path, text: Mapping[str, Tensor], projection: Projection, card: CompactCard) -> CompactCard:
    """Write the compact CLIP at `path`: text tower, projection fitted to the body of `cnn`, and card, atomically.

    Where a checkpoint with this text tower exists already, only the projection is written, into a file beside it.
    """
    if shipped_backbone(cnn) != card.backbone:
        raise ModelError(f"{cnn.name} has changed while the compact CLIP was fitted to it; run `medlens train clip` again")
    card = replace(card, scale=projection.scale)
    fitted = {name: torch.from_numpy(value).half() for name, value in projection.tensors.items()}
    fitted["logit_scale"] = torch.tensor(float(np.log(projection.scale)), dtype=torch.float32)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and _same(read_text(path), text):
        changed = {name: card.as_json()[name] for name in CHANGED} | {"format": FORMAT}
        _write(projection_file(path), fitted, {CARD: json.dumps(changed)})
        return card
    _write(path, {**text, **fitted}, {"format": "pt"})
    part_card = path.with_suffix(".json.part")
    part_card.write_text(json.dumps(card.as_json(), ensure_ascii=False))
    part_card.replace(path.with_suffix(".json"))
    projection_file(path).unlink(missing_ok=True)  # it was the other checkpoint's
    return card


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name].float(), other[name].float()) for name in one)


def _write(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    part = path.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in tensors.items()}, part, metadata=metadata)
    part.chmod(READABLE)
    part.replace(path)


def stored(projection: Projection) -> Projection:
    """The projection rounded to half precision, as it is stored."""
    halves = {name: value.astype(np.float16).astype(np.float32) for name, value in projection.tensors.items()}
    return Projection(halves, projection.scale)
