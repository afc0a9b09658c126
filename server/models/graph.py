"""The three networks as OpenVINO graphs, built from a checkpoint's tensors without torch.

On a CPU this runs 4 to 8 times as fast as eager torch, and starts in half a second instead of ten: torch and timm alone take three
to nine seconds to import, converting through torch.export takes six more (benchmarks/predict.py). It mirrors models/cnn.py layer by
layer; a test compares both on the same weights. Nothing is sent anywhere: OpenVINO's converter, which reports to its makers, is not
used. Input: uint8 [n, side, side, 3]; the normalisation is part of the graph.

A process has one ov.Core, kept until it ends, as OpenVINO's guide has it: plug-ins are set up once, and none is taken down beside
running threads.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from server.contract.errors import ModelError
from server.models.layout import CELL, CELL_MEANS, CELL_SPREADS, FLAT, STRIDES, TEXTURE_STAGES
from server.models.precision import Precision
from server.models.preprocess import Preprocess

# Without this module `import openvino` falls back to its own stub, so that nothing in this process can report anything to anyone.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is how Python spells "not to be imported"

import openvino as ov  # noqa: E402  (after the line above)
from openvino import opset8 as op  # noqa: E402

if TYPE_CHECKING:
    from server.models.cnn import Arch

Tensors: TypeAlias = Mapping[str, NDArray[Any]]
Node: TypeAlias = Any  # openvino.Node: the package has no types
LITE0_STRIDES = (1, 2, 2, 2, 1, 2, 1)  # of the first block of each stage
LITE0_EPSILON = 1e-3  # TensorFlow's batch norm, from which these weights come
MOBILENET_STRIDES = {2: 2, 4: 2, 7: 2, 14: 2}  # by block; 1 elsewhere
TORCH_EPSILON = 1e-5
VGG16_LAYOUT = (2, 2, 3, 3, 3)  # convolutions before each pooling
VGG_GRID = 7  # VGG's classifier reads a 7 x 7 map whatever the image's size


def build_graph(arch: Arch, tensors: Tensors, spec: Preprocess, *, textures: bool = False, maps: bool = False) -> Any:
    """An openvino.Model from uint8 [n, side, side, 3] to features [n, f], or with `maps` to a map [n, c, h, w] and features.

    The map's channels, pooled, are the first features; with `textures` (Lite0) those of the early maps follow (layout.py).
    `tensors`: a checkpoint's, by name. Raises ModelError for an arch without a graph or tensors that do not fit it.
    """
    if arch not in _BODIES:
        raise ModelError(f"no graph for {arch}; known: {', '.join(_BODIES)}")
    pixels = op.parameter([-1, spec.side, spec.side, 3], np.uint8, name="pixels")
    x, layers = _normalised(pixels, spec), _Layers(tensors)
    try:
        if textures:
            *stages, grid = _lite0_maps(layers, x)
            found = [node for stage in TEXTURE_STAGES for node in (_mean(stages[stage]), _spread(stages[stage]))]
            features = op.concat([_pool(arch, layers, grid), *found], 1)
        else:
            grid = _BODIES[arch](layers, x)
            features = _pool(arch, layers, grid)
    except KeyError as error:
        raise ModelError(f"the weights do not fit {arch}: {error} is missing") from None
    return ov.Model([op.result(out) for out in ((grid, features) if maps else (features,))], [pixels], arch)


def build_cells_graph(tensors: Tensors, spec: Preprocess, shape: tuple[int, int]) -> Any:
    """An openvino.Model of an EfficientNet-Lite0 from uint8 [n, height, width, 3] to the channels [n, c, h, w] of its cells.

    A cell's channels: the last map's means, then means and spreads of the stages CELL_SPREADS, then the means of CELL_MEANS.
    `shape`: width and height, multiples of CELL.
    """
    width, height = shape
    pixels = op.parameter([-1, height, width, 3], np.uint8, name="pixels")
    try:
        *stages, last = _lite0_maps(_Layers(tensors), _normalised(pixels, spec))
    except KeyError as error:
        raise ModelError(f"the weights do not fit efficientnet_lite0: {error} is missing") from None
    spreads = [node for stage in CELL_SPREADS for node in _cells_of(stages[stage], CELL // STRIDES[stage])]
    means = [_block_means(stages[stage], CELL // STRIDES[stage]) for stage in CELL_MEANS]
    channels = op.concat([_block_means(last, CELL // STRIDES[-1]), *spreads, *means], 1)
    return ov.Model([op.result(channels)], [pixels], "cells")


def _cells_of(x: Node, side: int) -> tuple[Node, Node]:
    """Mean and spread of each block of `side` by `side`."""
    mean = _block_means(x, side)
    variance = op.subtract(_block_means(op.multiply(x, x), side), op.multiply(mean, mean))
    return mean, op.sqrt(op.add(op.relu(variance), op.constant(np.float32(FLAT))))


def _block_means(x: Node, side: int) -> Node:
    return op.avg_pool(x, [side, side], [0, 0], [0, 0], [side, side], True, "floor")


def compile_graph(model: Any, precision: Precision = "f32", **hints: Any) -> Any:
    """The openvino.CompiledModel of `model` on the CPU, with `hints`. Raises RuntimeError, as OpenVINO does."""
    return _core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": precision, **hints})


@cache
def _core() -> Any:
    return ov.Core()


def _normalised(pixels: Node, spec: Preprocess) -> Node:
    """uint8 [n, h, w, 3] as the float32 [n, 3, h, w] that a network reads."""
    scale = np.asarray([1 / (255 * std) for std in spec.std], np.float32)
    shift = np.asarray([mean / std for mean, std in zip(spec.mean, spec.std, strict=True)], np.float32)
    floats = op.subtract(op.multiply(op.convert(pixels, "f32"), op.constant(scale)), op.constant(shift))
    return op.transpose(floats, op.constant(np.array([0, 3, 1, 2])))


class _Layers:
    """Layers by the names their tensors have, with the batch norm folded into the convolution before it."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        return self._tensors[name].astype(np.float32)

    def __contains__(self, name: str) -> bool:
        return name + ".weight" in self._tensors

    def children(self, prefix: str) -> Iterable[str]:
        """The numbered children of `prefix`, in order."""
        found = {int(m[1]) for name in self._tensors if (m := re.match(re.escape(prefix) + r"\.(\d+)\.", name))}
        return [f"{prefix}.{number}" for number in sorted(found)]

    def convolve(self, x: Node, conv: str, norm: str, epsilon: float, stride: int = 1, pad: str | int = 0) -> Node:
        weight = self[conv + ".weight"]
        gain = self[norm + ".weight"] / np.sqrt(self[norm + ".running_var"] + np.float32(epsilon))
        bias = self[norm + ".bias"] - self[norm + ".running_mean"] * gain
        weight = weight * gain[:, None, None, None]
        return op.add(_convolution(x, weight, stride, pad), op.constant(bias.reshape(1, -1, 1, 1)))

    def linear(self, x: Node, name: str) -> Node:
        return op.add(op.matmul(x, op.constant(self[name + ".weight"]), False, True), op.constant(self[name + ".bias"]))


def _convolution(x: Node, weight: NDArray[np.float32], stride: int, pad: str | int) -> Node:
    border = [0, 0] if isinstance(pad, str) else [pad, pad]
    more = {"auto_pad": pad} if isinstance(pad, str) else {}
    depthwise = weight.shape[1] == 1 and weight.shape[0] > 1
    kernel = op.constant(np.ascontiguousarray(weight[:, None] if depthwise else weight))
    convolution = op.group_convolution if depthwise else op.convolution
    return convolution(x, kernel, [stride, stride], border, border, [1, 1], **more)


def _relu6(x: Node) -> Node:
    return op.clamp(x, 0.0, 6.0)


def _lite0(layers: _Layers, x: Node) -> Node:
    *_, last = _lite0_maps(layers, x)
    return last


def _lite0_maps(layers: _Layers, x: Node) -> Iterator[Node]:
    """The maps after each stage, then the last one."""
    x = _relu6(layers.convolve(x, "body.conv_stem", "body.bn1", LITE0_EPSILON, 2, "same_upper"))
    for stage, stride in zip(layers.children("body.blocks"), LITE0_STRIDES, strict=True):
        for number, block in enumerate(layers.children(stage)):
            x = _lite0_block(layers, x, block, stride if number == 0 else 1, skip=number > 0)
        yield x
    yield _relu6(layers.convolve(x, "body.conv_head", "body.bn2", LITE0_EPSILON))


def _mean(x: Node, keep: bool = False) -> Node:
    return op.reduce_mean(x, op.constant(np.array([2, 3])), keep)


def _spread(x: Node) -> Node:
    apart = op.subtract(x, _mean(x, keep=True))
    return op.sqrt(op.add(_mean(op.multiply(apart, apart)), op.constant(np.float32(FLAT))))


def _lite0_block(layers: _Layers, x: Node, block: str, stride: int, *, skip: bool) -> Node:
    inverted = block + ".conv_pwl" in layers
    steps = ("conv_pw", "conv_dw", "conv_pwl") if inverted else ("conv_dw", "conv_pw")
    y = x
    for number, step in enumerate(steps, start=1):
        depthwise = step == "conv_dw"
        y = layers.convolve(
            y, f"{block}.{step}", f"{block}.bn{number}", LITE0_EPSILON, stride if depthwise else 1, "same_upper" if depthwise else 0
        )
        y = y if step == steps[-1] else _relu6(y)
    return op.add(x, y) if skip else y


def _mobilenet(layers: _Layers, x: Node) -> Node:
    first, *blocks, last = layers.children("body")
    x = _relu6(layers.convolve(x, f"{first}.0", f"{first}.1", TORCH_EPSILON, 2, 1))
    for number, block in enumerate(blocks, start=1):
        stride, y = MOBILENET_STRIDES.get(number, 1), x
        *wrapped, project, norm = layers.children(f"{block}.conv")
        for step in wrapped:
            depthwise = step == wrapped[-1]
            y = _relu6(
                layers.convolve(y, f"{step}.0", f"{step}.1", TORCH_EPSILON, stride if depthwise else 1, 1 if depthwise else 0)
            )
        y = layers.convolve(y, project, norm, TORCH_EPSILON)
        same = stride == 1 and y.get_output_partial_shape(0)[1] == x.get_output_partial_shape(0)[1]
        x = op.add(x, y) if same else y
    return _relu6(layers.convolve(x, f"{last}.0", f"{last}.1", TORCH_EPSILON))


def _vgg16(layers: _Layers, x: Node) -> Node:
    convolutions = iter(layers.children("body"))
    for count in VGG16_LAYOUT:
        for _ in range(count):
            name = next(convolutions)
            bias = op.constant(layers[name + ".bias"].reshape(1, -1, 1, 1))
            x = op.relu(op.add(_convolution(x, layers[name + ".weight"], 1, 1), bias))
        x = op.max_pool(x, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
    return x


def _pool(arch: Arch, layers: _Layers, grid: Node) -> Node:
    if arch != "vgg16":
        return _mean(grid)
    grid = op.adaptive_avg_pool(grid, op.constant(np.array([VGG_GRID, VGG_GRID])))
    x = op.reshape(grid, op.constant(np.array([0, -1])), True)
    for name in layers.children("pool"):
        x = op.relu(layers.linear(x, name))
    return x


_BODIES: dict[str, Callable[[_Layers, Node], Node]] = {"efficientnet_lite0": _lite0, "mobilenet_v2": _mobilenet, "vgg16": _vgg16}
