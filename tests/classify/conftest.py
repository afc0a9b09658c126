"""A checkpoint made on the spot, and the shipped weights where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.contract.modalities import MODALITIES
from server.models.checkpoint import SHIPPED_CNN, save_checkpoint
from server.settings import Settings, load_settings


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained EfficientNet-Lite0 of ours: everything works, nothing is known."""
    import torch

    from server.models.cnn import build_cnn

    torch.manual_seed(11)
    path = tmp_path_factory.mktemp("weights") / "cnn.safetensors"
    save_checkpoint(path, build_cnn("efficientnet_lite0", None, MODALITIES).eval(), name="untrained")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The CNN alone, on the CPU."""
    return load_settings(data_dir=tmp_path, members=("cnn",), device="cpu", batch_wait_ms=1)


@pytest.fixture
def shipped() -> Path:
    """The shipped checkpoint, or a skip."""
    if not SHIPPED_CNN.is_file():
        pytest.skip("no shipped weights in this checkout")
    return SHIPPED_CNN
