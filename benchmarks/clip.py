"""Fit the compact CLIP and K-Means to the present backbone, judge both on held-out origins, and record the figures.

python benchmarks/clip.py --data ../shared/data [--text-layers 0,2,5] [--only clip]
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from record import record

from server.models.checkpoint import SHIPPED_CNN, read_card
from server.training.clip.run_clip import train_clip
from server.training.clip.train_clip import Recipe
from server.training.ensemble.fit_kmeans import fit_kmeans


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--text-layers", default="")
    parser.add_argument("--only", choices=("clip", "kmeans"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    arguments = {"backbone": read_card(SHIPPED_CNN).name}
    if given.only != "kmeans":
        layers = tuple(int(layer) for layer in given.text_layers.split(",") if layer)
        recipe = Recipe()
        found = train_clip(given.data, text_layers=layers, recipe=recipe, threads=given.threads)
        figures = {"zero_shot": found.zero_shot, "retrieval": found.retrieval, "queries": found.answers}
        record("clip", arguments | {"recipe": asdict(recipe), "text_layers": layers}, figures)
    if given.only != "clip":
        record("kmeans", arguments, fit_kmeans(given.data, threads=given.threads))


if __name__ == "__main__":
    main()
