"""`medlens evaluate MANIFEST.csv`: the serving engine against labelled images, as the contract's JSON.

The images are decoded by server/imaging/decode.py and judged by the Engine in its micro-batches, as a scan's are.
metrics.py computes the figures.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.classify.engine import Engine
from server.contract.errors import DocumentError, RequestError, UnknownKind
from server.contract.modalities import MODALITIES
from server.contract.verdict import Probabilities, Verdict
from server.imaging.decode import decode
from server.training.data.dataset import Row, read_rows
from server.training.metrics import figures

# Images decoded and waiting at a time: two full batches of the default size, so that the model never waits for a decoder.
AT_ONCE = 32
ENSEMBLE = "ensemble"  # all members together

Progress = Callable[[int, int], None]


@dataclass
class _Judged:
    rows: list[Row] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


async def evaluate_manifest(
    path: Path, engines: Mapping[str, Engine], max_pixels: int, progress: Progress | None = None
) -> dict[str, Any]:
    """The figures of the engines on the images of a manifest (columns file, label) or of a folder with a folder per modality.

    `engines`: all members together under ENSEMBLE, and each of several members alone under its own name. The answer is the block
    of ENSEMBLE, with the same block of each member by itself under `members`: its own thresholds, its own speed. `unreadable`
    names the files that no verdict could be given for, which are not in `n`. `progress(done, all)` is called after each image,
    over all engines. Raises NotFound or RequestError for the manifest, ModelError.
    """
    rows = await asyncio.to_thread(read_rows, path)
    blocks: dict[str, dict[str, Any]] = {}
    for number, (name, engine) in enumerate(engines.items()):

        def report(done: int, before: int = number * len(rows)) -> None:
            if progress:
                progress(before + done, len(rows) * len(engines))

        blocks[name] = await _evaluate(path, rows, engine, max_pixels, report)
    whole = blocks.pop(ENSEMBLE)
    return whole | {"members": blocks or {name: dict(whole) for name in whole["votes"]}}


async def _evaluate(
    path: Path, rows: Sequence[Row], engine: Engine, max_pixels: int, report: Callable[[int], None]
) -> dict[str, Any]:
    """The block of one engine; the model is loaded before the clock starts, and let go at the end."""
    await engine.start()
    judged, started = _Judged(), time.perf_counter()
    waiting = iter(rows)
    workers = [asyncio.create_task(_work(waiting, engine, max_pixels, judged, report)) for _ in range(min(AT_ONCE, len(rows)))]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await engine.stop()
    seconds = time.perf_counter() - started
    if not judged.verdicts:
        raise RequestError(f"none of the {len(rows)} images of {path} can be read")
    return _report(judged) | {
        "unreadable": sorted(judged.unreadable),
        "images_per_second": len(judged.verdicts) / seconds,
        "model_version": engine.model_version,
    }


async def _work(waiting: Iterator[Row], engine: Engine, max_pixels: int, judged: _Judged, report: Callable[[int], None]) -> None:
    for row in waiting:
        try:
            image = await asyncio.to_thread(_open, row.file, max_pixels)
        except (DocumentError, UnknownKind, OSError):
            judged.unreadable.append(row.file.name)
        else:
            judgement = await engine.judge(image)
            judged.rows.append(row)
            judged.verdicts.append(judgement.verdict)
        report(len(judged.verdicts) + len(judged.unreadable))


def _open(file: Path, max_pixels: int) -> Any:
    return decode(file.read_bytes(), max_pixels)


def _report(judged: _Judged) -> dict[str, Any]:
    names: list[str] = list(MODALITIES)
    labels = np.asarray([names.index(row.label) for row in judged.rows])
    uncertain = np.asarray([verdict.uncertain for verdict in judged.verdicts])
    agree = float(np.mean([verdict.agree for verdict in judged.verdicts]))
    whole = figures(_array([verdict.probabilities for verdict in judged.verdicts]), labels, uncertain)
    return whole | {"agree": agree, "votes": sorted(judged.verdicts[0].members)}


def _array(chances: Sequence[Probabilities]) -> NDArray[np.float64]:
    return np.asarray([[one[modality] for modality in MODALITIES] for one in chances], np.float64)
