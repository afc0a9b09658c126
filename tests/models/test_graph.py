import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from server.contract.errors import ModelError
from server.contract.modalities import MODALITIES
from server.models.cnn import Arch, build_cnn
from server.models.graph import build_graph, compile_graph
from server.models.layout import DEEP, TEXTURES
from server.models.preprocess import normalise


def network(arch: Arch, textures: bool = False) -> Any:
    import torch

    torch.manual_seed(7)
    cnn = build_cnn(arch, None, MODALITIES, textures=textures)
    cnn.preprocess = replace(cnn.preprocess, side=96)  # the real 224 only takes longer
    for module in cnn.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # fresh ones are the identity, and would hide a wrong fold
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.2, 0.2)
            torch.nn.init.normal_(module.running_mean, 0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
    return cnn.eval()


def pixels(side: int, count: int = 3) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(3).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("arch", ["efficientnet_lite0", "mobilenet_v2", pytest.param("vgg16", marks=pytest.mark.slow)])
@pytest.mark.parametrize("maps", [False, True])
def test_a_graph_computes_what_the_network_computes(arch: Arch, maps: bool) -> None:
    import torch

    cnn = network(arch)
    squares = pixels(cnn.preprocess.side)
    tensors = {name: value.numpy() for name, value in cnn.state_dict().items()}
    graph = compile_graph(build_graph(arch, tensors, cnn.preprocess, maps=maps))
    ours = graph(squares)[0]
    with torch.inference_mode():
        batch = torch.from_numpy(normalise(squares, cnn.preprocess))
        theirs = (cnn.feature_map(batch) if maps else cnn.features(batch)).numpy()
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=2e-4 * float(np.abs(theirs).max()))


def test_textures_follow_the_deep_features() -> None:
    import torch

    cnn = network("efficientnet_lite0", textures=True)
    squares = pixels(cnn.preprocess.side)
    tensors = {name: value.numpy() for name, value in cnn.state_dict().items()}
    compiled = compile_graph(build_graph(cnn.arch, tensors, cnn.preprocess, textures=True, maps=True))(squares)
    maps, features = compiled[0], compiled[1]
    with torch.inference_mode():
        theirs = cnn.features(torch.from_numpy(normalise(squares, cnn.preprocess))).numpy()
    assert features.shape == theirs.shape == (3, DEEP + TEXTURES)
    np.testing.assert_allclose(features, theirs, atol=2e-4 * float(np.abs(theirs).max()))
    np.testing.assert_allclose(maps.mean((2, 3)), features[:, :DEEP], rtol=1e-3, atol=1e-5)
    alone = compile_graph(build_graph(cnn.arch, tensors, cnn.preprocess))(squares)[0]
    np.testing.assert_allclose(alone, features[:, :DEEP], rtol=1e-3, atol=1e-5)


def test_tensors_of_another_network_are_refused() -> None:
    cnn = network("mobilenet_v2")
    tensors = {name: value.numpy() for name, value in cnn.state_dict().items()}
    with pytest.raises(ModelError, match="do not fit efficientnet_lite0"):
        build_graph("efficientnet_lite0", tensors, cnn.preprocess)


def test_an_unknown_arch_is_refused() -> None:
    cnn = network("mobilenet_v2")
    with pytest.raises(ModelError, match="no graph for resnet"):
        build_graph("resnet", {}, cnn.preprocess)  # type: ignore[arg-type]


def test_openvino_has_nothing_to_report_with_and_torch_is_not_needed() -> None:
    code = (
        "import sys, server.models.graph\n"
        "assert 'torch' not in sys.modules\n"
        "assert not [name for name, module in sys.modules.items() if name.startswith('openvino_telemetry') and module]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_pinned_requirements_hold_no_telemetry() -> None:
    lock = (Path(__file__).parents[2] / "requirements-all.lock").read_text()
    assert [line for line in lock.splitlines() if "telemetry" in line] == []
