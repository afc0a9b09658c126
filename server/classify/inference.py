"""Runs the networks: by OpenVINO on a CPU, by torch on a GPU, where it is faster.

On a CPU a checkpoint becomes an OpenVINO graph (models/graph.py) and torch is never imported: the import takes three seconds, and
eager torch is several times slower on the same cores.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import import_module
from os import cpu_count
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import structlog
from PIL import Image
from safetensors.numpy import load_file

from server.contract.errors import ModelError, SettingsError
from server.contract.extras import installed, naming_extras
from server.models.calibration import Floats
from server.models.checkpoint import Card, load_cnn, read_card
from server.models.parts import to_shape
from server.models.precision import Precision
from server.models.preprocess import Bytes, Preprocess, normalise, to_square

log = structlog.get_logger(__name__)

Device: TypeAlias = Literal["auto", "cpu", "cuda", "mps"]

# Files that exist where a GPU driver is installed (NVIDIA, NVIDIA under WSL, AMD). Asking torch costs three seconds of import.
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
# Resizing releases the GIL; more threads than this take too many cores from the model.
RESIZERS = 4


class Squares:
    """Images to the uint8 array [n, side, side, 3] that a network reads, resized by a few threads at once."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(min(RESIZERS, cpu_count() or 1), "resize")

    def __call__(self, images: Sequence[Image.Image], spec: Preprocess) -> Bytes:
        if len(images) == 1:
            return to_square(images[0], spec)[None]
        return np.stack(list(self._pool.map(partial(to_square, spec=spec), images)))


class OpenVinoNetwork:
    """A checkpoint on the CPU. `first` is compiled at once, the others at their first use. Not thread-safe."""

    def __init__(self, path: Path, first: Literal["features", "maps"] = "features", precision: Precision = "f32") -> None:
        self.card: Card = read_card(path)
        self._path, self._precision = path, precision
        self._squares = Squares()
        self._compiled: dict[str, Any] = {}
        self._graph(first)

    def features(self, images: Sequence[Image.Image]) -> Floats:
        """Pooled features float32 [n, f] of n RGB images of any size."""
        return self._run("features", images)[0]

    def maps(self, images: Sequence[Image.Image]) -> tuple[Floats, Floats]:
        """Feature maps float32 [n, c, h, w] and features [n, f]: the maps pooled, and what else there is."""
        maps, features = self._run("maps", images)
        return maps, features

    def cells(self, image: Image.Image) -> Floats:
        """The channels float32 [c, h, w] of the cells of a figure of any size (models/parts.py)."""
        shaped = to_shape(image)
        height, width = shaped.shape[:2]
        if (name := f"cells {width} {height}") not in self._compiled:
            graph = import_module("server.models.graph")
            model = graph.build_cells_graph(load_file(self._path), self.card.preprocess, (width, height))
            self._compiled[name] = graph.compile_graph(model, self._precision, PERFORMANCE_HINT="LATENCY")
        return np.array(self._compiled[name](shaped[None])[0][0], np.float32)

    def _run(self, part: str, images: Sequence[Image.Image]) -> list[Floats]:
        out = self._graph(part)(self._squares(images, self.card.preprocess))
        return [np.array(out[number], np.float32) for number in range(len(out))]

    def _graph(self, part: str) -> Any:
        if part not in self._compiled:
            graph = import_module("server.models.graph")  # half a second of import that a GPU does not need
            model = graph.build_graph(
                self.card.arch, load_file(self._path), self.card.preprocess, textures=self.card.textures, maps=part == "maps"
            )
            self._compiled[part] = graph.compile_graph(model, self._precision, PERFORMANCE_HINT="LATENCY")
        return self._compiled[part]


class TorchNetwork:
    """A checkpoint on a GPU in half precision, channels last; batches are padded to powers of two, so that few shapes are tuned."""

    def __init__(self, path: Path, device: Literal["cpu", "cuda", "mps"]) -> None:
        import torch  # noqa: PLC0415 - see the module's docstring

        self._torch = torch
        self._device = torch.device(device)
        self._dtype = torch.float32 if device == "cpu" else torch.float16
        cnn = load_cnn(path)
        self.card: Card = read_card(path)
        self._cnn = cnn.to(device=self._device, dtype=self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._squares = Squares()

    def features(self, images: Sequence[Image.Image]) -> Floats:
        """As OpenVinoNetwork.features, within half precision."""
        torch = self._torch
        squares = self._squares(images, self.card.preprocess)
        padded = np.zeros((1 << (len(squares) - 1).bit_length(), *squares.shape[1:]), np.uint8)
        padded[: len(squares)] = squares
        batch = torch.from_numpy(normalise(padded, self.card.preprocess))
        with torch.inference_mode():
            given = batch.to(self._device, self._dtype, memory_format=torch.channels_last, non_blocking=True)
            return np.array(self._cnn.features(given)[: len(squares)].float().cpu().numpy(), np.float32)

    def cells(self, image: Image.Image) -> Floats:
        """As OpenVinoNetwork.cells, within half precision."""
        torch = self._torch
        batch = torch.from_numpy(normalise(to_shape(image)[None], self.card.preprocess))
        with torch.inference_mode():
            given = batch.to(self._device, self._dtype, memory_format=torch.channels_last)
            return np.array(self._cnn.cells(given)[0].float().cpu().numpy(), np.float32)


def choose_device(wanted: Device) -> Literal["cpu", "cuda", "mps"]:
    """Where networks run. `auto`: a GPU where torch can use one, else the CPU. Raises SettingsError for a GPU that is missing."""
    if wanted == "cpu" or (wanted == "auto" and not gpu_likely()):
        return "cpu"
    if wanted == "auto" and not installed("torch"):
        log.warning("gpu_without_torch", words="there is a GPU here, which medlens uses with torch: make setup-torch")
        return "cpu"
    with naming_extras():
        import torch  # noqa: PLC0415 - see the module's docstring

    there: dict[Literal["cuda", "mps"], bool] = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    for name, present in there.items():
        if present and wanted in ("auto", name):
            return name
    if wanted == "auto":
        return "cpu"
    raise SettingsError(f"MEDLENS_DEVICE is {wanted}, which torch {torch.__version__} cannot use here; `auto` takes what there is")


def gpu_likely() -> bool:
    """Whether a GPU may be present, so that importing torch (seconds) is worth it."""
    return sys.platform == "darwin" or any(Path(driver).exists() for driver in DRIVERS)


def open_network(path: Path, device: Literal["cpu", "cuda", "mps"], precision: Precision = "f32") -> OpenVinoNetwork | TorchNetwork:
    """The network of the checkpoint at `path`, ready to run. `precision`: on a CPU. Raises WeightsMissing or ModelError."""
    try:
        return OpenVinoNetwork(path, precision=precision) if device == "cpu" else TorchNetwork(path, device)
    except RuntimeError as error:  # what OpenVINO and torch raise for a graph or memory they cannot have
        raise ModelError(f"{path.name} does not run on {device}: {str(error).splitlines()[0][:200]}") from error
