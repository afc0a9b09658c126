"""The output of a training run: progress lines, JSON lines, curves, TensorBoard or MLflow where installed."""

from __future__ import annotations

import importlib
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LOG = "metrics.jsonl"
CURVES = "curves.png"
EVERY_S = 10.0  # seconds between two lines: often enough to see that it lives


class Reporter:
    """Progress lines from the first batch on: the task, how much is done, the speed, the time left."""

    def __init__(self, say: Callable[[str], None] = print) -> None:
        self._say, self._what, self._began, self._last, self._first, self._done = say, "", 0.0, 0.0, 0, 0

    def images(self, what: str, done: int, most: int) -> None:
        self.report(what, done, most, "images")

    def captions(self, done: int, most: int) -> None:
        self.report("embedding", done, most, "captions")

    def passes(self, done: int, most: int) -> None:
        self.report("fitting", done, most, "passes")

    def report(self, what: str, done: int, most: int, unit: str) -> None:
        """A line for the first call of its kind, then one every EVERY_S seconds, and the last."""
        now = time.monotonic()
        if first := what != self._what or done < self._done:  # the same task again counts anew
            self._what, self._began, self._last, self._first = what, now, now, done
            self._say(f"{what}: {done} of {most} {unit}")
        self._done = done
        if not first and (now - self._last >= EVERY_S or done == most):
            self._last = now
            speed = (done - self._first) / max(now - self._began, 1e-9)
            left = f", {duration((most - done) / speed)} left" if speed and done < most else ""
            self._say(f"{what}: {done} of {most} {unit}, {speed:.3g} a second{left}")


def duration(seconds: float) -> str:
    """40 s, 12 min, 3.4 h, 5 days."""
    for most, size, unit in ((90, 1, "s"), (90 * 60, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < most:
            return f"{seconds / size:.{int(unit == 'h')}f} {unit}"
    return f"{seconds / 86400:.0f} days"


class Progress:
    """`log(step, **numbers)` appends a line and sends it to the trackers; resumed runs append to the same file."""

    def __init__(self, out: Path, name: str, config: dict[str, Any]) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.out, self.file = out, out / LOG
        self.board = _tensorboard(out / "tensorboard")
        self.mlflow = _mlflow(name, config)

    def log(self, step: int, **numbers: float | str | None) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **numbers}) + "\n")
        for key, value in numbers.items():
            if isinstance(value, int | float):
                if self.board is not None:
                    self.board.add_scalar(key, value, step)
                if self.mlflow is not None:
                    self.mlflow.log_metric(key, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.board is not None:
            self.board.close()
        if self.mlflow is not None:
            self.mlflow.end_run("FAILED" if error else "FINISHED")


def read_log(out: Path) -> list[dict[str, Any]]:
    file = out / LOG
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def draw_curves(out: Path) -> Path | None:
    """Losses and held-out figures over steps as one PNG; None without matplotlib or without lines."""
    lines = read_log(out)
    if not lines or importlib.util.find_spec("matplotlib") is None:
        return None
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  (training extra)
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, held in zip(figure.subplots(1, 2), (False, True), strict=True):
        names = sorted(
            {key for line in lines for key, value in line.items() if key.startswith("held_") == held and _is_curve(key, value)}
        )
        for name in names:
            points = [(line["step"], line[name]) for line in lines if line.get(name) is not None]
            axes.plot(*zip(*points, strict=True), label=name, marker="o" if held else None, linewidth=1)
        axes.set_xlabel("step")
        axes.set_title("held-out origins" if held else "training")
        if names:
            axes.legend(fontsize=7)
    figure.savefig(out / CURVES, dpi=110)
    return out / CURVES


def _is_curve(key: str, value: object) -> bool:
    return key not in ("step", "epoch", "lr", "seconds", "images_per_second") and isinstance(value, int | float)


def _tensorboard(folder: Path) -> Any | None:
    if importlib.util.find_spec("tensorboard") is None:
        return None
    return importlib.import_module("torch.utils.tensorboard").SummaryWriter(str(folder))


def _mlflow(name: str, config: dict[str, Any]) -> Any | None:
    if importlib.util.find_spec("mlflow") is None:
        return None
    mlflow = importlib.import_module("mlflow")
    mlflow.start_run(run_name=name)
    mlflow.log_params(config)
    return mlflow
