"""A network on disk: safetensors with half-precision weights, and one JSON card from which the network is rebuilt.

Never a pickle: reading a checkpoint runs no code of its author. The card is readable without torch, so that the web process and
`medlens models` can show it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from server.contract.errors import ModelError, WeightsMissing
from server.models.head_file import CARD, read_head
from server.models.preprocess import Preprocess

if TYPE_CHECKING:
    from server.models.cnn import CNN, Arch

WEIGHTS = Path(__file__).parent / "weights"
SHIPPED_PARTS = WEIGHTS / "parts.safetensors"  # parts.py reads it
SHIPPED_CNN = WEIGHTS / "cnn.safetensors"
READABLE = 0o644  # safetensors writes files for their owner only; the worker may run as another user
FORMAT = 1  # raised when an older reader could not understand the card


@dataclass(frozen=True, slots=True)
class Card:
    """The description in a checkpoint. `data_sha256`: hash of the manifest rows it was trained on."""

    arch: Arch
    classes: tuple[str, ...]
    preprocess: Preprocess
    kinds: tuple[str, ...] = ()
    text_dim: int = 0
    name: str = ""
    created: str = ""
    data_sha256: str = ""
    metrics: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    licences: str = ""
    textures: bool = False
    format: int = FORMAT


def save_checkpoint(
    path: Path, cnn: CNN, *, name: str = "", data_sha256: str = "", metrics: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None, licences: str = "",
) -> Card:  # fmt: skip
    """Write `cnn` with its card, atomically."""
    import torch  # noqa: PLC0415  (reading a card must not import torch)
    from safetensors.torch import save_file  # noqa: PLC0415

    card = Card(
        arch=cnn.arch, classes=cnn.classes, preprocess=cnn.preprocess, kinds=cnn.kinds, text_dim=cnn.text_dim, name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"), data_sha256=data_sha256, metrics=metrics or {},
        config=config or {}, licences=licences, textures=cnn.textures,
    )  # fmt: skip
    tensors = {
        key: value.detach().to("cpu", torch.float16 if value.is_floating_point() else value.dtype).contiguous()
        for key, value in cnn.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata={CARD: json.dumps(asdict(card))})
    part.chmod(READABLE)
    part.replace(path)
    return card


def read_card(path: Path) -> Card:
    """The card of a checkpoint, without torch. Raises WeightsMissing or ModelError."""
    if not path.is_file():
        raise WeightsMissing(f"no weights at {path}; `medlens models` lists what is present, `medlens train cnn` makes them")
    try:
        with safe_open(path, framework="np") as file:
            given = json.loads((file.metadata() or {})[CARD])
        if given["format"] > FORMAT:
            raise ModelError(f"{path.name} is of format {given['format']}; this medlens reads {FORMAT}")
        if given.pop("twin", False):
            raise ModelError(
                f"{path.name} has two branches, which this medlens no longer reads; `medlens train cnn` makes it again"
            )
        given["preprocess"] = Preprocess.from_json(given["preprocess"])
        given["classes"], given["kinds"] = tuple(given["classes"]), tuple(given["kinds"])
        return Card(**given)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path.name} is no medlens checkpoint, or is damaged ({error})") from None


def load_cnn(path: Path = SHIPPED_CNN) -> CNN:
    """The network in float32 on the CPU, in eval mode, with its own preprocessing. Raises WeightsMissing or ModelError."""
    import torch  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    from server.models.cnn import build_cnn  # noqa: PLC0415

    card = read_card(path)
    cnn = build_cnn(card.arch, None, card.classes, card.kinds, card.text_dim, textures=card.textures)
    cnn.preprocess = card.preprocess
    tensors = {key: value.float() for key, value in load_file(path).items()}
    missing, unexpected = cnn.load_state_dict(tensors, strict=False)
    if unexpected or any(not key.endswith("num_batches_tracked") for key in missing):
        raise ModelError(f"{path.name} does not fit {card.arch}: missing {missing[:3]}, unexpected {unexpected[:3]}")
    with torch.no_grad():
        for parameter, value in zip((cnn.head.weight, cnn.head.bias), read_head(path), strict=True):
            parameter.copy_(torch.from_numpy(value))
    return cnn.eval()


def start_cnn(
    arch: Arch, weights: str | Path, classes: tuple[str, ...], kinds: tuple[str, ...] = (), text_dim: int = 0, *,
    textures: bool = False,
) -> CNN:  # fmt: skip
    """A network with new heads, to be trained. `weights` of its body: "imagenet", "none", or the path of a checkpoint.

    Raises ModelError for an unknown arch or a checkpoint of another arch, WeightsMissing where the weights cannot be had.
    """
    from server.models.cnn import build_cnn  # noqa: PLC0415

    if weights in ("imagenet", "none"):
        return build_cnn(arch, "imagenet" if weights == "imagenet" else "none", classes, kinds, text_dim, textures=textures)
    cnn = build_cnn(arch, None, classes, kinds, text_dim, textures=textures)
    trained = load_cnn(Path(weights))
    if trained.arch != arch:
        raise ModelError(f"{weights} holds a {trained.arch}, not a {arch}")
    cnn.body.load_state_dict(trained.body.state_dict())
    cnn.pool.load_state_dict(trained.pool.state_dict())
    return cnn
