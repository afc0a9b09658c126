"""A head in a file of its own beside its network: a new head costs kilobytes, the whole network megabytes.

`cnn-head.safetensors` beside `cnn.safetensors` holds weight [classes, f] and bias [classes] in half precision and the SHA-256 of
the checkpoint that it belongs to; where it exists, it replaces the checkpoint's own.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from server.contract.errors import ModelError
from server.models.files import sha256_of, write_atomically

ENDING = "-head.safetensors"
CARD = "medlens"  # the key of our JSON in the file's metadata
FORMAT = 1  # raised when an older reader could not understand the file
TENSORS = ("head.weight", "head.bias")  # their names in a checkpoint and in a head's file

Arrays = dict[str, NDArray[np.float16]]


def head_file(network: Path) -> Path:
    """The path of the separate head of the checkpoint `network`."""
    return network.with_name(network.stem + ENDING)


def files_of(network: Path) -> tuple[Path, ...]:
    """The files that predictions of the checkpoint `network` depend on: itself, and its head's file where there is one."""
    beside = head_file(network)
    return (network, beside) if beside.is_file() else (network,)


def read_head(network: Path) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight [classes, f] and bias [classes] of the checkpoint `network`: from its head's file, or its own.

    Raises ModelError for a file that is damaged or belongs to another checkpoint.
    """
    path = head_file(network)
    found = path if path.is_file() else network
    try:
        with safe_open(found, framework="np") as file:
            weight, bias = (file.get_tensor(name).astype(np.float32) for name in TENSORS)
            card = json.loads((file.metadata() or {})[CARD])
        if found == path:
            _belongs(path, card, network)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{found.name} holds no head, or is damaged ({error})") from None
    if weight.ndim != 2 or bias.shape != weight.shape[:1] or not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise ModelError(f"{found.name} holds no head of finite numbers")
    return weight, bias


def install(checkpoint: Path, place: Path) -> tuple[Path, ...]:
    """Put a checkpoint at `place`, or only its head where the network there is the same. Returns the files written.

    Raises ModelError for a damaged checkpoint, OSError where it cannot be written.
    """
    beside = head_file(place)
    if place.is_file() and _body(checkpoint) == _body(place):
        weight, bias = read_head(checkpoint)
        arrays: Arrays = dict(zip(TENSORS, (weight.astype(np.float16), bias.astype(np.float16)), strict=True))
        card: dict[str, Any] = {"format": FORMAT, "network": sha256_of(place)}
        card["created"] = datetime.now(UTC).isoformat(timespec="seconds")
        write_atomically(beside, save(arrays, metadata={CARD: json.dumps(card)}))
        return (beside,)
    write_atomically(place, checkpoint.read_bytes())
    beside.unlink(missing_ok=True)  # it was the other network's
    return (place,)


def _belongs(path: Path, card: dict[str, Any], network: Path) -> None:
    """Raises ModelError where the head at `path`, with this card, is not that of `network`."""
    if card["format"] > FORMAT:
        raise ModelError(f"{path.name} is of format {card['format']}; this medlens reads {FORMAT}")
    if card["network"] != sha256_of(network):
        raise ModelError(f"{path.name} belongs to another network than {network.name}; without it the network's own head answers")


def _body(path: Path) -> str:
    """A digest of all tensors but the head's."""
    digest = hashlib.sha256()
    try:
        with safe_open(path, framework="np") as file:
            for name in sorted(set(file.keys()) - set(TENSORS)):
                digest.update(name.encode() + np.ascontiguousarray(file.get_tensor(name)).tobytes())
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name} is no medlens checkpoint, or is damaged ({error})") from None
    return digest.hexdigest()
