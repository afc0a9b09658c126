"""The resumable state of a training run: network, its running average, optimiser, step."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from server.models.cnn import CNN


class State:
    """`averaged` is what is measured and kept: a moving average of weights and norms (or the network itself at ema 0)."""

    def __init__(self, file: Path, cnn: CNN, optimiser: torch.optim.Optimizer, ema: float) -> None:
        self.file, self.cnn, self.optimiser, self.ema = file, cnn, optimiser, ema
        self.step = self.step_in_epoch = self.epoch = self.waited = 0
        self.best: float | None = None
        self.gave_up = False
        self.reset_average()

    def reset_average(self) -> None:
        self.averaged: CNN = copy.deepcopy(self.cnn).eval().requires_grad_(False) if self.ema else self.cnn

    def advance(self) -> None:
        """Count a step and update the average."""
        self.step += 1
        self.step_in_epoch += 1
        if not self.ema:
            return
        decay = min(self.ema, (1 + self.step) / (10 + self.step))  # a young average forgets its start sooner
        with torch.no_grad():
            mine, theirs = self.averaged.state_dict(), self.cnn.state_dict()
            for name, value in mine.items():
                if value.is_floating_point():
                    value.lerp_(theirs[name], 1 - decay)
                else:
                    value.copy_(theirs[name])

    def finish_epoch(self) -> None:
        self.epoch, self.step_in_epoch = self.epoch + 1, 0

    def better(self, loss: float | None, select: str, patience: int) -> bool:
        """Whether this epoch's weights are to be kept; sets `gave_up` when patience is exhausted."""
        if select == "last" or loss is None:
            return True
        if self.best is None or loss < self.best:
            self.best, self.waited = loss, 0
            return True
        self.waited += 1
        self.gave_up = bool(patience) and self.waited >= patience
        return False

    def save(self) -> None:
        """A resume state; tensors and plain numbers only, so that it loads without unpickling code."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        torch.save(
            {
                "numbers": self._numbers(),
                "cnn": self.cnn.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimiser": self.optimiser.state_dict(),
            },
            part,
        )
        part.replace(self.file)

    def load(self) -> bool:
        """Restore the state from the file; False when there is none."""
        if not self.file.is_file():
            return False
        given: dict[str, Any] = torch.load(self.file, map_location="cpu", weights_only=True)
        self.cnn.load_state_dict(given["cnn"])
        self.averaged.load_state_dict(given["averaged"])
        self.optimiser.load_state_dict(given["optimiser"])
        for name, value in given["numbers"].items():
            setattr(self, name, value)
        return True

    def _numbers(self) -> dict[str, int | float | bool | None]:
        return {name: getattr(self, name) for name in ("step", "step_in_epoch", "epoch", "waited", "best", "gave_up")}
