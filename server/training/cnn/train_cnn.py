"""Train the supervised network: `medlens train cnn --data DIR`. Every parameter is in config.py.

By default the head alone (train_head.py). With `tune`, and for every other architecture, heads first on frozen features, then all
layers; a run that was killed resumes where it was. The best (or last) averaged weights are written as a checkpoint with a card.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from server.contract.errors import Cancelled
from server.contract.modalities import MODALITIES
from server.models.checkpoint import save_checkpoint, start_cnn
from server.models.cnn import CNN
from server.models.preprocess import Preprocess
from server.training.cnn.config import LICENCES, TrainConfig
from server.training.cnn.frozen import Frozen, frozen_features
from server.training.cnn.held_out import measure
from server.training.cnn.objective import Objective, make_targets
from server.training.cnn.progress import Progress, Reporter, draw_curves
from server.training.cnn.splits import split
from server.training.cnn.state import State
from server.training.cnn.train_head import BEST, train_head
from server.training.data import loader, sampling
from server.training.data.dataset import PixelCache, Row, data_sha256, read_rows

HEAD_BATCH = 256  # rows of cached features in one step
LOG_EVERY = 10  # steps
SEED_STRIDE = 1_000_003  # a prime above any number of steps: two seeds share no step's chances
TEXT_DIM = 384  # of the text teacher
Stop = Callable[[], bool]
Say = Callable[[str], None]


def train_cnn(config: TrainConfig, stop: Stop = lambda: False, say: Say = print) -> Path:
    """Train and return the path of the checkpoint. Raises Cancelled when `stop()` turns true: the next call resumes from there."""
    torch.manual_seed(config.seed)
    if config.threads:
        torch.set_num_threads(config.threads)
    if not config.tune and config.arch == "efficientnet_lite0":
        return train_head(config, say)
    reporter = Reporter(say)
    rows = read_rows(config.data)
    train, held = split(rows, config)
    if len(train) < config.batch:
        say(f"only {len(train)} images to train on: batches of so many, not of {config.batch}")
        config = replace(config, batch=len(train))
    cache = PixelCache(rows, config.cache, reporter.images)
    device = pick_device(config.device)
    cnn = start_cnn(
        config.arch, config.weights, MODALITIES,
        sampling.kind_names(rows) if config.kind_weight else (), TEXT_DIM if config.text_weight else 0,
    )  # fmt: skip
    cnn.preprocess = Preprocess(config.serve_side, cnn.preprocess.mode, cnn.preprocess.mean, cnn.preprocess.std)
    of_imagenet = (config.arch, config.weights) == ("efficientnet_lite0", "imagenet")
    frozen = frozen_features(cache, config.cache, reporter.images) if of_imagenet else None
    objective = Objective(cnn, config, make_targets(rows, cnn, frozen, config.cache), frozen)
    weights = sampling.draw_weights([rows[i] for i in train], config.non_medical_share)
    per_epoch = config.images_per_epoch or len(train)
    steps = max(1, min(per_epoch, len(train) if not config.balanced else per_epoch) // config.batch)

    state = State(config.out / "state.pt", cnn.to(device), make_optimiser(cnn, config), ema=config.ema)
    resumed = state.load()
    if not resumed and config.frozen_steps and config.weights != "none":  # an untrained body gives a head nothing to learn
        warm_heads(cnn, objective, config, frozen, train, weights, rows, cache, device, reporter)
        state.reset_average()
    with Progress(config.out, config.out.name, {k: str(v) for k, v in asdict(config).items()}) as progress:
        while state.epoch < config.epochs and not state.gave_up:
            order = epoch_order(config, train, weights, per_epoch, state.epoch)
            images = loader.AugmentedImages(rows, cache, order, config.seed * 1000 + state.epoch, config.side, config.augmentation)
            run_epoch(state, objective, config, images, steps, device, progress, stop, reporter)
            state.finish_epoch()
            block = measure(state.averaged, rows, cache, held, device) if len(held) else {}
            progress.log(state.step, epoch=state.epoch, **{f"held_{key}": value for key, value in block.items()})
            if state.better(block.get("loss"), config.select, config.patience) or not (config.out / BEST).exists():
                keep(state.averaged, config, rows, train, block)
            state.save()
            draw_curves(config.out)
    return config.out / BEST


def keep(cnn: CNN, config: TrainConfig, rows: list[Row], train: NDArray[np.int64], block: dict[str, Any]) -> None:
    part = "in-source" if config.in_source else "all" if config.hold_out is None else f"fold{config.hold_out}"
    name = f"{config.arch}-{part}"
    plain = {
        key: str(value) if isinstance(value, Path) else value
        for key, value in asdict(config).items()
        if key not in ("data", "out", "cache")
    }
    digest = data_sha256([rows[i] for i in train])
    save_checkpoint(config.out / BEST, cnn, name=name, data_sha256=digest, metrics=block, config=plain, licences=LICENCES)


def epoch_order(
    config: TrainConfig, train: NDArray[np.int64], weights: NDArray[np.float64], draws: int, epoch: int
) -> NDArray[np.int64]:
    seed = config.seed * 7919 + epoch
    if not config.balanced:
        return train[sampling.pass_over(len(train), seed)][:draws]
    chosen = sampling.plan(weights, draws, config.synthetic_share * config.non_medical_share, seed)
    return np.where(chosen == sampling.DRAWN, sampling.DRAWN, train[chosen])


def pick_device(name: str) -> torch.device:
    if name != "auto":
        return torch.device(name)
    return torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")


def autocast(device: torch.device) -> Any:
    """bfloat16 on GPU and on CPU (a third faster there with channels_last); plain float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16) if device.type in ("cuda", "cpu") else nullcontext()


def make_optimiser(cnn: CNN, config: TrainConfig) -> torch.optim.Optimizer:
    """Groups: the body's weights, the heads' weights, and all biases and norms without decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in cnn.named_parameters():
        lr = config.lr if name.startswith("body.") else config.head_lr
        groups.setdefault((lr, config.weight_decay if parameter.ndim > 1 else 0.0), []).append(parameter)
    make = torch.optim.AdamW if config.optimiser == "adamw" else torch.optim.Adam
    return make([{"params": given, "lr": lr, "initial_lr": lr, "weight_decay": decay} for (lr, decay), given in groups.items()])


def schedule(config: TrainConfig, step: int, total: int) -> float:
    """Factor of the learning rate: up by a half cosine, then down to nothing; 1 without one-cycle."""
    if not config.one_cycle:
        return 1.0
    rise = max(1, round(total * config.warm_up))
    if step < rise:
        return 0.5 - 0.5 * math.cos(math.pi * (step + 1) / rise)
    return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1, total - rise))


def warm_heads(
    cnn: CNN, objective: Objective, config: TrainConfig, frozen: Frozen | None, train: NDArray[np.int64],
    weights: NDArray[np.float64], rows: list[Row], cache: PixelCache, device: torch.device, reporter: Reporter,
) -> None:  # fmt: skip
    """Fit the heads with a frozen body: the first gradients of a new head would spoil the body's weights."""
    heads = [parameter for name, parameter in cnn.named_parameters() if not name.startswith("body.")]
    optimiser = torch.optim.AdamW(heads, lr=config.head_lr, weight_decay=config.weight_decay)
    cnn.freeze_body(True)
    cnn.train()
    cnn.body.eval()
    batch = HEAD_BATCH if frozen is not None else config.batch
    for step in range(config.frozen_steps):
        drawn = train[sampling.plan(weights, batch, 0.0, config.seed * 31 + step)]
        if frozen is not None:
            features = torch.from_numpy(frozen.features[drawn].astype(np.float32)).to(device)
        else:
            images = loader.AugmentedImages(rows, cache, drawn, config.seed * 17 + step, config.side, config.augmentation)
            squares = torch.stack([images[i][0] for i in range(batch)]).to(device)
            with torch.no_grad():
                grid = cnn.body(loader.to_input(squares, cnn.preprocess))
            features = cnn.pool(grid)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(objective.loss(features, torch.from_numpy(drawn))[0])
        optimiser.step()
        reporter.report("heads, with the body standing still", step + 1, config.frozen_steps, "steps")
    cnn.freeze_body(False)


class Features(nn.Module):
    """`features` as a forward, so that DataParallel can spread a batch over several GPUs."""

    def __init__(self, cnn: CNN) -> None:
        super().__init__()
        self.cnn = cnn

    def forward(self, x: Tensor) -> Tensor:
        return self.cnn.features(x)


def run_epoch(
    state: State, objective: Objective, config: TrainConfig, images: loader.AugmentedImages, steps: int, device: torch.device,
    progress: Progress, stop: Stop, reporter: Reporter,
) -> None:  # fmt: skip
    cnn = state.cnn.train().to(memory_format=torch.channels_last)
    for part in cnn.early(config.freeze_stages if config.weights != "none" else 0):
        part.eval().requires_grad_(False)
    network: nn.Module = Features(cnn)
    if device.type == "cuda" and torch.cuda.device_count() > 1:
        network = nn.DataParallel(network)
    total, began, at = config.epochs * steps, time.monotonic(), state.step_in_epoch
    reporter.report("training", state.step, total, "steps")  # the first step of a large network takes long
    for squares, numbers in loader.batches(images, config.batch, config.workers, skip=at):
        factor = schedule(config, state.step, total)
        for group in state.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * factor
        # every step has its own chances, so a run that was cut goes on to the same weights
        objective.rng = np.random.default_rng((config.seed, state.step))
        torch.manual_seed(config.seed * SEED_STRIDE + state.step)
        with autocast(device):
            features = network(loader.to_input(squares.to(device), cnn.preprocess))
            loss, parts = objective.loss(features, numbers)
        state.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(cnn.parameters(), 5.0)
        state.optimiser.step()
        state.advance()
        reporter.report("training", state.step, total, "steps")
        if state.step % LOG_EVERY == 0:
            speed = (state.step_in_epoch - at) * config.batch / (time.monotonic() - began)
            progress.log(state.step, loss=float(loss.detach()), lr=config.lr * factor, images_per_second=round(speed, 1), **parts)
        if state.step % config.save_every == 0:
            state.save()
        if stop():
            state.save()
            raise Cancelled(f"training stopped at step {state.step}; the same command goes on from there")
