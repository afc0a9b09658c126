"""`medlens evaluate MANIFEST.csv`: the serving engine against labelled images, as the contract's JSON.

The images go the way a scan's go: decoded by pixels.py, judged by the Engine in its micro-batches. Figures come from metrics.py. It
knows neither how a verdict comes about nor whether a model has seen the images before: that is for the caller to say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from server.classify.engine import Engine
from server.errors import DocumentError, RequestError, UnknownKind
from server.pixels import decode
from server.records import MODALITIES, Probabilities, Verdict
from server.training.dataset import Row, read_rows
from server.training.metrics import figures

# Images decoded and waiting at a time: two full batches of the default size, so that the model never waits for a decoder.
AT_ONCE = 32

Progress = Callable[[int, int], None]


@dataclass
class _Judged:
    rows: list[Row] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


async def evaluate_manifest(path: Path, engine: Engine, max_pixels: int, progress: Progress | None = None) -> dict[str, Any]:
    """The figures of `engine` on the images of a manifest (columns file, label) or of a folder with a folder per modality.

    `members` has the same block for each member by itself; `unreadable` names the files that no verdict could be given for, which
    are not in `n`. `progress(done, all)` is called after each image. Raises NotFound or RequestError for the manifest, ModelError.
    """
    rows = await asyncio.to_thread(read_rows, path)
    await engine.start()
    judged, started = _Judged(), time.perf_counter()
    waiting = iter(rows)
    workers = [
        asyncio.create_task(_work(waiting, engine, max_pixels, judged, len(rows), progress)) for _ in range(min(AT_ONCE, len(rows)))
    ]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
    seconds = time.perf_counter() - started
    if not judged.verdicts:
        raise RequestError(f"none of the {len(rows)} images of {path} can be read")
    return _report(judged) | {
        "unreadable": sorted(judged.unreadable),
        "images_per_second": len(judged.verdicts) / seconds,
        "model_version": engine.model_version,
    }


async def _work(
    waiting: Iterator[Row], engine: Engine, max_pixels: int, judged: _Judged, count: int, progress: Progress | None
) -> None:
    for row in waiting:
        try:
            picture = await asyncio.to_thread(_open, row.file, max_pixels)
        except (DocumentError, UnknownKind, OSError):
            judged.unreadable.append(row.file.name)
        else:
            judgement = await engine.judge(picture)
            judged.rows.append(row)
            judged.verdicts.append(judgement.verdict)
        if progress:
            progress(len(judged.verdicts) + len(judged.unreadable), count)


def _open(file: Path, max_pixels: int) -> Any:
    return decode(file.read_bytes(), max_pixels)


def _report(judged: _Judged) -> dict[str, Any]:
    names: list[str] = list(MODALITIES)
    labels = np.asarray([names.index(row.label) for row in judged.rows])
    uncertain = np.asarray([verdict.uncertain for verdict in judged.verdicts])
    members = {
        name: figures(_array([verdict.members[name] for verdict in judged.verdicts]), labels) for name in judged.verdicts[0].members
    }
    agree = float(np.mean([verdict.agree for verdict in judged.verdicts]))
    whole = figures(_array([verdict.probabilities for verdict in judged.verdicts]), labels, uncertain)
    return whole | {"agree": agree, "members": members}


def _array(chances: Sequence[Probabilities]) -> NDArray[np.float64]:
    return np.asarray([[one[modality] for modality in MODALITIES] for one in chances], np.float64)
