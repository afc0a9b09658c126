"""Any CLIP of open_clip, by name and pretrained tag, or by `hf-hub:owner/model`: large models, which the user fetches.

Loading never reaches the network: weights are read from the folder that `medlens models pull` filled. With `pretrained="random"`
the model is built untrained, to check that everything else works. It runs its own image tower in torch, and is imported only for
such a model.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from server.contract.errors import ModelError, SettingsError, WeightsMissing
from server.models.files import PART
from server.models.members import View
from server.models.prompt_vectors import Origin
from server.models.registry import CONFIG, HUB, folder_name

RANDOM = "random"  # the pretrained tag of an untrained model
TEXT_FOLDER = "text"  # a text tower's own configuration, where a model takes it from another repository
TEXTS_AT_ONCE = 64

Floats = NDArray[np.float32]


class AnyClip:
    """Both towers of one open_clip model, in half precision on a GPU, in single on a CPU."""

    def __init__(self, model: str, pretrained: str, models: Path, device: str = "auto") -> None:
        self._device = torch.device(_device(device))
        precision = "fp16" if self._device.type == "cuda" else "fp32"
        self._model, self._preprocess, self._tokenizer = _load(
            model, pretrained, models / folder_name(model, pretrained), precision
        )
        self._model.to(self._device).train(False)
        self._dtype = next(self._model.parameters()).dtype
        self.scale = float(self._model.logit_scale.detach().exp())

    @torch.inference_mode()
    def images(self, view: View) -> Floats:
        batch = torch.stack([self._preprocess(image) for image in view.images]).to(self._device, self._dtype)
        vectors: torch.Tensor = self._model.encode_image(batch, normalize=True)
        return np.asarray(vectors.float().cpu().numpy(), np.float32)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Floats:
        parts = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            ids = self._tokenizer(list(texts[start : start + TEXTS_AT_ONCE])).to(self._device)
            vectors: torch.Tensor = self._model.encode_text(ids, normalize=True)
            parts.append(vectors.float().cpu().numpy())
        return np.concatenate(parts)


def origin(model: str, pretrained: str, models: Path, device: str = "auto") -> Origin | None:
    """What AnyClip's text vectors depend on, known before it is opened; None for an untrained model, whose weights differ at each
    start."""
    if pretrained == RANDOM:
        return None
    files = sorted((models / folder_name(model, pretrained)).rglob("*"))
    whole = tuple(path for path in files if path.is_file() and path.suffix != PART)
    return Origin(f"{model} {pretrained} on {_device(device)}, open_clip {open_clip.__version__}", whole)


def _device(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _load(model: str, pretrained: str, folder: Path, precision: str) -> tuple[Any, Any, Any]:
    """(model, preprocessing of an image, tokenizer). Raises SettingsError, WeightsMissing or ModelError."""
    known = model in open_clip.list_models()
    if not known and not model.startswith(HUB):
        raise SettingsError(f"MEDLENS_CLIP_MODEL: open_clip knows no {model!r}; write a name it knows, or hf-hub:OWNER/MODEL")
    if pretrained == RANDOM and known:
        built, _, preprocess = open_clip.create_model_and_transforms(model, precision=precision, pretrained_text=False)
        return built, preprocess, open_clip.get_tokenizer(model)
    if known and not open_clip.get_pretrained_cfg(model, pretrained):
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
        raise SettingsError(f"MEDLENS_CLIP_PRETRAINED: {model} has no weights called {pretrained!r}; known: {tags}")
    if not (folder / CONFIG).is_file():
        wanted = model if model.startswith(HUB) else f"{model}/{pretrained}"
        raise WeightsMissing(f"{wanted} is not on this machine; `medlens models pull {wanted}` fetches it")
    try:
        with tempfile.TemporaryDirectory(prefix="medlens-clip-") as place:
            linked = f"local-dir:{_linked(folder, Path(place))}"
            built, _, preprocess = open_clip.create_model_and_transforms(linked, precision=precision, pretrained_text=False)
            return built, preprocess, open_clip.get_tokenizer(linked)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{folder.name} cannot be loaded: {error}; pull it again") from None


def _linked(folder: Path, place: Path) -> Path:
    """A folder of links to the model's files, with a configuration that gives the text tower's folder on this machine."""
    for path in folder.iterdir():
        if path.name != CONFIG and path.is_file():
            (place / path.name).symlink_to(path.resolve())
    config: dict[str, Any] = json.loads((folder / CONFIG).read_bytes())
    text: Mapping[str, Any] = config["model_cfg"]["text_cfg"]
    if (folder / TEXT_FOLDER).is_dir():
        config["model_cfg"]["text_cfg"] = {**text, "hf_model_name": str((folder / TEXT_FOLDER).resolve())}
    (place / CONFIG).write_text(json.dumps(config))
    return place
