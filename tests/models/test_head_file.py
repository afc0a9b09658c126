"""A head beside its network: it answers in its place, belongs to that network alone, and is part of the version of verdicts."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from server.contract.errors import ModelError
from server.contract.modalities import MODALITIES
from server.models.checkpoint import load_cnn, save_checkpoint
from server.models.cnn import build_cnn
from server.models.head_file import CARD, files_of, head_file, install, read_head
from server.models.members import kinds, open_head
from server.models.version import model_version
from server.settings import load_settings


def checkpoint(path: Path, seed: int, scale: float = 1.0) -> Path:
    """A small network; the same seed gives the same body, `scale` another head."""
    torch.manual_seed(seed)
    cnn = build_cnn("mobilenet_v2", None, MODALITIES)
    with torch.no_grad():
        cnn.head.weight.mul_(scale)
    save_checkpoint(path, cnn)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a network is served from; one lies there."""
    return checkpoint(tmp_path / "cnn.safetensors", 1)


def test_only_the_head_is_written_when_the_network_is_the_same(place: Path, tmp_path: Path) -> None:
    before = place.read_bytes()
    made = checkpoint(tmp_path / "made.safetensors", 1, scale=3)
    assert install(made, place) == (head_file(place),)
    assert place.read_bytes() == before
    assert head_file(place).stat().st_size < len(before) / 20
    weight, bias = read_head(made)
    np.testing.assert_array_equal(open_head("cnn", place).weight, weight)
    np.testing.assert_array_equal(load_cnn(place).head.weight.detach().numpy(), weight)
    np.testing.assert_array_equal(open_head("cnn", place).bias, bias)
    assert files_of(place) == (place, head_file(place))


def test_another_network_is_written_whole_and_takes_the_old_head_away(place: Path, tmp_path: Path) -> None:
    install(checkpoint(tmp_path / "made.safetensors", 1, scale=3), place)
    other = checkpoint(tmp_path / "other.safetensors", 2)
    assert install(other, place) == (place,)
    assert place.read_bytes() == other.read_bytes()
    assert files_of(place) == (place,)


def test_an_empty_place_gets_the_whole(tmp_path: Path) -> None:
    made = checkpoint(tmp_path / "made.safetensors", 1)
    place = tmp_path / "deep" / "cnn.safetensors"
    assert install(made, place) == (place,)
    np.testing.assert_array_equal(read_head(place)[0], read_head(made)[0])


def test_a_head_of_another_network_is_refused_by_name(place: Path, tmp_path: Path) -> None:
    install(checkpoint(tmp_path / "made.safetensors", 1, scale=3), place)
    checkpoint(place, 2)
    with pytest.raises(ModelError, match=r"cnn-head\.safetensors belongs to another network than cnn\.safetensors"):
        open_head("cnn", place)


@pytest.mark.parametrize("harm", ["cut", "empty", "no card", "newer", "not finite", "wrong shape"])
def test_a_damaged_head_is_refused_by_name(place: Path, tmp_path: Path, harm: str) -> None:
    install(checkpoint(tmp_path / "made.safetensors", 1, scale=3), place)
    path = head_file(place)
    arrays, data = load_file(path), path.read_bytes()
    card = json.dumps({"format": 1, "network": hashlib.sha256(place.read_bytes()).hexdigest()})
    if harm == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "no card":
        save_file(arrays, path)
    elif harm == "newer":
        save_file(arrays, path, metadata={CARD: card.replace("1", "99", 1)})
    elif harm == "not finite":
        save_file(arrays | {"head.bias": np.full(6, np.nan, np.float16)}, path, metadata={CARD: card})
    else:
        save_file(arrays | {"head.bias": np.zeros(5, np.float16)}, path, metadata={CARD: card})
    with pytest.raises(ModelError, match=r"cnn-head\.safetensors"):
        read_head(place)


def test_a_new_head_is_a_new_version_of_verdicts(tmp_path: Path) -> None:
    own = tmp_path / "models" / "mobilenet_v2.safetensors"
    checkpoint(own, 1)
    settings = load_settings(data_dir=tmp_path, members=["mobilenet_v2"])
    before = model_version(settings, kinds(settings))
    install(checkpoint(tmp_path / "made.safetensors", 1, scale=3), own)
    assert model_version(settings, kinds(settings)) != before
