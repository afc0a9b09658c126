"""The compact CLIP that ships: how its checkpoint is laid out and read.

`clip.safetensors` holds the text tower, the projection of the image tower and the temperature; the image tower's trunk is the body
of `cnn.safetensors`, which is not stored twice. `clip.json` says how to build the model, its vocabulary, and which body it was
fitted to. A projection fitted to another body is stored in `clip-head.safetensors` and replaces the checkpoint's own: 3 MB
instead of 20. The text tower's matrices are 8-bit floats, the rest 16-bit. Serving reads it without
torch; compact_open_clip.py makes it one checkpoint for open_clip.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from server.contract.errors import ModelError, WeightsMissing
from server.models.checkpoint import SHIPPED_CNN, WEIGHTS, read_card
from server.models.preprocess import Preprocess

SHIPPED_CLIP = WEIGHTS / "clip.safetensors"
FORMAT = 1
ENDING = "-head.safetensors"
CARD = "medlens"  # the key of our JSON in the projection file's metadata
CHANGED = ("preprocess", "backbone", "scale", "created", "data_sha256", "metrics")  # of the card, by another projection
WIDTH = 384  # of the space that images and texts share: the teacher's own
HIDDEN = 768  # of the projection: open_clip's `mlp` is twice the width of the space
CONTEXT = 64  # tokens of a prompt; what is longer is cut
HEADS = 12
TEXT_CONFIG: Mapping[str, Any] = {
    "model_type": "bert", "hidden_size": WIDTH, "num_attention_heads": HEADS, "intermediate_size": 4 * WIDTH, "hidden_act": "gelu",
    "max_position_embeddings": CONTEXT, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip

Tensors: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class CompactCard:
    """`clip.json`. `backbone`: digest of the CNN backbone it was fitted to. `layers`: of the text tower. `scale`: of the logits."""

    vocabulary: tuple[str, ...]
    layers: int
    preprocess: Preprocess
    backbone: str
    scale: float
    created: str = ""
    data_sha256: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    licences: str = ""
    format: int = FORMAT

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"preprocess": self.preprocess.as_json()}


def projection_file(path: Path) -> Path:
    """The file of a projection that replaces the one in the checkpoint `path`."""
    return path.with_name(path.stem + ENDING)


def compact_files(path: Path = SHIPPED_CLIP) -> tuple[Path, ...]:
    """The files that predictions of the checkpoint `path` depend on: itself, its card, and its projection's file where there is
    one."""
    beside = projection_file(path)
    return (path, path.with_suffix(".json"), *((beside,) if beside.is_file() else ()))


def read_compact_tensors(path: Path, prefixes: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
    """`read_tensors` of the checkpoint `path`, with those of its projection's file in their places."""
    beside = projection_file(path)
    return read_tensors(path, prefixes) | (read_tensors(beside, prefixes) if beside.is_file() else {})


def read_compact_card(path: Path = SHIPPED_CLIP) -> CompactCard:
    """The card beside the checkpoint `path`, with what its projection's file changes. Raises WeightsMissing or ModelError."""
    card = path.with_suffix(".json")
    if not path.is_file() or not card.is_file():
        raise WeightsMissing(f"no compact CLIP at {path}; `medlens models` lists what is present, `medlens train clip` makes it")
    try:
        given = json.loads(card.read_bytes())
        if given["format"] > FORMAT:
            raise ModelError(f"{card.name} is of format {given['format']}; this medlens reads {FORMAT}")
        given |= {"vocabulary": tuple(given["vocabulary"]), "preprocess": Preprocess.from_json(given["preprocess"])}
        beside = projection_file(path)
        return replace(CompactCard(**given), **_changed_by(beside)) if beside.is_file() else CompactCard(**given)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{card.name} is no card of a compact CLIP, or is damaged ({error})") from None


def _changed_by(projection: Path) -> dict[str, Any]:
    try:
        with safe_open(projection, framework="np") as file:
            changed = json.loads((file.metadata() or {})[CARD])
        return {name: changed[name] for name in CHANGED} | {"preprocess": Preprocess.from_json(changed["preprocess"])}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{projection.name} is no projection of a compact CLIP, or is damaged ({error})") from None


def read_tensors(path: Path, prefixes: tuple[str, ...]) -> dict[str, NDArray[np.float32]]:
    """The tensors of a safetensors file whose names begin with one of `prefixes`, widened to float32; 8-bit floats included.

    numpy has no 8-bit floats, so the library's numpy reader refuses files with them. Raises ModelError for a damaged file.
    """
    try:
        data = path.read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        out = {}
        for name, entry in header.items():
            if name.startswith(prefixes) and entry.get("dtype") in _READERS:
                begin, end = entry["data_offsets"]
                out[name] = _READERS[entry["dtype"]](data[start + begin : start + end]).reshape(entry["shape"])
    except OSError as error:
        raise WeightsMissing(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{path.name} is no safetensors file, or is damaged ({error})") from None
    return out


def _floats8() -> NDArray[np.float32]:
    """The 256 values of e4m3fn: sign, 4 exponent bits (bias 7), 3 of mantissa; no infinity, 0x7f is not a number."""
    codes = np.arange(128)
    exponent, mantissa = codes >> 3, codes & 7
    values = np.where(exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7.0))
    values[127] = np.nan
    return np.concatenate([values, -values]).astype(np.float32)


_FLOATS8 = _floats8()
_READERS: Mapping[str, Callable[[bytes], NDArray[np.float32]]] = {
    "F8_E4M3": lambda raw: _FLOATS8[np.frombuffer(raw, np.uint8)],
    "F16": lambda raw: np.frombuffer(raw, "<f2").astype(np.float32),
    "F32": lambda raw: np.frombuffer(raw, "<f4").astype(np.float32),
}


def backbone_digest(body: Tensors, spec: Preprocess) -> str:
    """16 hex digits over a backbone's half-precision weights (names "body...") and its preprocessing: what features depend on."""
    digest = hashlib.sha256(json.dumps(spec.as_json(), sort_keys=True).encode())
    for name in sorted(body):
        if name.startswith("body.") and not name.endswith("num_batches_tracked"):
            digest.update(name.encode() + np.ascontiguousarray(body[name], np.float16).tobytes())
    return digest.hexdigest()[:16]


def shipped_backbone(path: Path = SHIPPED_CNN) -> str:
    """The digest of the CNN checkpoint whose features serving shares."""
    return backbone_digest(read_tensors(path, ("body.",)), read_card(path).preprocess)


def small_tokenizer(vocabulary: Sequence[str]) -> Tokenizer:
    """The teacher's WordPiece rules over `vocabulary` (position = id, [PAD] first): lower case, no accents."""
    ids = {word: i for i, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))  # noqa: S106 - the word for unknown words
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", ids["[SEP]"]), ("[CLS]", ids["[CLS]"]))
    tokenizer.enable_truncation(CONTEXT)
    return tokenizer


def text_config(card: CompactCard) -> dict[str, Any]:
    return {**TEXT_CONFIG, "vocab_size": len(card.vocabulary), "num_hidden_layers": card.layers}
