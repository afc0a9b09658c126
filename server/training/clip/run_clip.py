"""`medlens train clip`: from a backbone and the labelled images to clip.safetensors, measured on held-out origins.

The text tower is taken from the present checkpoint unless `text_layers` asks for a new one; everything else takes minutes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from server.contract.modalities import MODALITIES
from server.models.checkpoint import SHIPPED_CNN, load_cnn, read_card
from server.models.clip import CompactClip, ZeroShot, unit
from server.models.compact import SHIPPED_CLIP, CompactCard, read_compact_card
from server.models.preprocess import Preprocess
from server.models.prompts import load_prompts
from server.models.text_tower import TextTower
from server.training.clip.clip_file import read_text, stored, text_tensors, widened, write_clip
from server.training.clip.judge_clip import queries, retrieval, summary, zero_shot_figures
from server.training.clip.texts import caption_texts, corpus, small_vocabulary, vocabulary_words
from server.training.clip.train_clip import Captioned, Progress, Recipe, caption_rows, fit_projection
from server.training.cnn.features import digest_of
from server.training.cnn.imagenet_classes import clear_names, imagenet_logits, imagenet_names
from server.training.cnn.imagenet_points import points_of
from server.training.cnn.progress import Reporter
from server.training.cnn.run_folds import rounded
from server.training.cnn.views import deep_features
from server.training.data.captions import embed, teacher_vectors
from server.training.data.dataset import PixelCache, Row, data_sha256, read_rows
from server.training.data.folds import FOLDS, fold_of

Floats = NDArray[np.float32]
Say = Callable[[str], None]
PER_ORIGIN = (
    60  # rows learned from: the large origins' further ones are drawn so seldom that their features are not worth computing
)
ALL_LAYERS = (0, 1, 2, 3, 4, 5)  # of the teacher


@dataclass(frozen=True, slots=True)
class TextSide:
    """The text tower as stored, and its card."""

    tensors: dict[str, Tensor]
    card: CompactCard

    def tower(self, projection: Floats | None = None) -> TextTower:
        width = next(value.shape[1] for name, value in self.tensors.items() if name.endswith("word_embeddings.weight"))
        return TextTower(
            {**widened(self.tensors), "text.proj.weight": np.eye(width) if projection is None else projection}, self.card
        )


@dataclass
class Result:
    """The result of a run: `zero_shot` and `retrieval` figures on held-out folds, and the logits behind them."""

    zero_shot: dict[str, Any]
    retrieval: dict[str, Any]
    answers: list[dict[str, Any]] = field(repr=False)
    logits: Floats = field(repr=False)


def train_clip(
    data: Path, out: Path = SHIPPED_CLIP, cnn: Path = SHIPPED_CNN, work: Path = Path("runs"), *,
    text_layers: Sequence[int] = (), recipe: Recipe | None = None, threads: int = 2, say: Say = print,
) -> Result:  # fmt: skip
    """Fit to the body of `cnn`, measure each fold with a fit on the others, write `out` and `work`/oof/clip/FOLD.npz.

    Figures of held-out origins hold only for a body that was not trained on these rows, as ImageNet's own.
    """
    rows, kept, reporter = read_rows(data), work / "cache", Reporter(say)
    pixels = PixelCache(rows, kept, reporter.images)
    network = load_cnn(cnn)
    fold, learned = fold_of(rows), few_of_each(rows)
    features = deep_features(network, rows, pixels, kept, threads, reporter.images)
    logits = imagenet_logits(features)
    text = made_text(rows, kept, say, text_layers or ALL_LAYERS) if text_layers or not out.is_file() else kept_text(out)
    # the teacher's vectors: those of the stored tower have a cosine of .99 with them, and take longer
    names = [name.lower() for name in imagenet_names()]
    captions = caption_rows(rows, clear_names(logits), partial(teacher_vectors, folder=kept, progress=reporter.captions), names)
    by_fold = dict.fromkeys(range(FOLDS), features)
    result = cross_validate(rows, by_fold, fold, captions, text, logits, recipe, say)
    (work / "oof" / "clip").mkdir(parents=True, exist_ok=True)
    for k in by_fold:
        indices = np.flatnonzero(fold == k)
        np.savez(work / "oof" / "clip" / f"{k}.npz", logits=result.logits[indices], indices=indices)
    points = points_of(features, logits, rows, learned)
    projection = stored(fit_projection(features, rows, captions, learned, recipe, _steps(reporter, "all folds together"), points))
    card = CompactCard(
        vocabulary=text.card.vocabulary, layers=text.card.layers, preprocess=network.preprocess, backbone=digest_of(network),
        scale=projection.scale, created=datetime.now(UTC).isoformat(timespec="seconds"), data_sha256=data_sha256(rows),
        metrics={"zero_shot": result.zero_shot, "retrieval": result.retrieval}
        | {"backbone": read_card(cnn).name, "folds": sorted(by_fold)}
        | {name: value for name, value in text.card.metrics.items() if name == "text"},
        licences="text tower from all-MiniLM-L6-v2 (Apache-2.0)",
    )  # fmt: skip
    write_clip(out, cnn, text.tensors, projection, card)
    return result


def few_of_each(rows: Sequence[Row], most: int = PER_ORIGIN) -> NDArray[np.int64]:
    """The rows to train on: at most `most` of each origin and label, drawn at random with a fixed seed."""
    kept: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i in np.random.default_rng(0).permutation(len(rows)):
        kept[rows[i].origin, rows[i].label].append(int(i))
    return np.array(sorted(i for some in kept.values() for i in some[:most]), np.int64)


def cross_validate(
    rows: Sequence[Row], by_fold: Mapping[int, Floats], fold: NDArray[np.int64], captions: Captioned, text: TextSide,
    imagenet: Floats, recipe: Recipe | None = None, say: Say = print,
) -> Result:  # fmt: skip
    """For each fold: fit on the others, predict it. Prompts and queries are in no training text. `imagenet`: logits [n, 1000]."""
    logits = np.zeros((len(rows), len(MODALITIES)), np.float32)
    asked, prompts, plain, learned, reporter = queries(), load_prompts(), text.tower(), few_of_each(rows), Reporter(say)
    query_vectors = plain.encode([query.text for query in asked])
    similar = np.zeros((len(rows), len(asked)), np.float32)
    for k, features in by_fold.items():
        held, chosen = np.flatnonzero(fold == k), learned[fold[learned] != k]
        fitted = stored(
            fit_projection(
                features, rows, captions, chosen, recipe, _steps(reporter, f"fold {k}"), points_of(features, imagenet, rows, chosen)
            )
        )
        clip = CompactClip(fitted.tensors, partial(text.tower, fitted.tensors["text.proj.weight"]), fitted.scale)
        vectors = clip.project(features[held])
        logits[held] = ZeroShot(clip, prompts).modalities(vectors)
        similar[held] = vectors @ unit(query_vectors @ fitted.tensors["text.proj.weight"].T).T
        say(f"fold {k}: {_short(zero_shot_figures(logits[held], [rows[int(i)] for i in held]))}")
    judged = np.flatnonzero(np.isin(fold, list(by_fold)))
    held_rows = [rows[int(i)] for i in judged]
    whole = zero_shot_figures(logits[judged], held_rows)
    answers = retrieval(similar[judged], asked, held_rows, fold[judged])
    say(f"all: {_short(whole)}")
    return Result(whole, summary(answers), answers, logits)


def kept_text(path: Path) -> TextSide:
    return TextSide(read_text(path), read_compact_card(path))


def made_text(rows: Sequence[Row], kept: Path, say: Say, layers: Sequence[int] = ALL_LAYERS) -> TextSide:
    """The text tower from the teacher: its words reduced to those of our texts, its matrices to 8 bits, and with fewer `layers`
    trained to give the same vectors (an hour on one core; all six layers need no training)."""
    from server.training.clip.distil_text import distil, student  # noqa: PLC0415 - transformers is slow to import

    spoken = [text for one in load_prompts().modalities for ways in one.texts for text in ways] + [one.text for one in queries()]
    texts, unseen = corpus(caption_texts(rows), spoken)
    ids, words = small_vocabulary(texts), vocabulary_words()
    vocabulary = tuple(words[i] for i in ids)
    say(f"{len(texts)} texts, {len(unseen)} held back, {len(vocabulary)} word pieces")
    if tuple(layers) == ALL_LAYERS:
        tower = student(ids, layers)
    else:
        tower = distil(texts, teacher_vectors(texts, kept), vocabulary, ids, layers=layers, say=say)
    card = CompactCard(vocabulary, len(layers), Preprocess(), "", 1.0)
    side = TextSide(text_tensors(tower.state_dict()), card)
    cosines = {
        name: round(float((side.tower().encode(some) * embed(some)).sum(1).mean()), 4)
        for name, some in (("unseen_nouns", unseen), ("prompts", spoken))
    }
    say(f"cosine with the teacher on texts held back: {cosines}")
    return TextSide(side.tensors, replace(card, metrics={"text": cosines}))


def _steps(reporter: Reporter, task: str) -> Progress:
    return lambda done, most, _: reporter.report(task, done, most, "steps")


def _short(whole: dict[str, Any]) -> Any:
    """For a line of the log; the AUROC is None where a small fold has only medical images, or none."""
    return rounded({name: whole[name] for name in ("accuracy", "balanced_accuracy")} | {"auroc": whole["medical"]["auroc"]})
