"""Captions say what is seen, never where it came from; the teacher places like beside like."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from server.training.data.captions import captions_for, embed, path_words


def test_a_scan_is_named_by_body_part_and_modality() -> None:
    made = captions_for({"label": "ct", "kind": "hip axial", "origin": "AIResearcher188-MSK-CT", "path": "hip_axial/1.png"})
    assert "a CT scan of the hip" in made
    assert len(made) == len(set(made)) > 10


def test_a_photo_takes_the_name_of_the_class_the_backbone_sees() -> None:
    row = {
        "label": "non_medical",
        "kind": "photo",
        "origin": "wuffs-tests",
        "path": "test/data/bricks.png",
        "imagenet_class": "stone wall",
    }
    assert "a photo of a stone wall" in captions_for(row)


def test_a_photo_without_a_name_still_has_captions() -> None:
    assert captions_for({"label": "non_medical", "kind": "photo", "origin": "x", "path": "y.png"})


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("media/1416_Color_Sensitivity.jpg", "color sensitivity"),
        ("a/IMG_0034.jpg", ""),
        ("media/OSC_Astro_25_06_Galaxy2.jpg", "galaxy"),
    ],
)
def test_only_a_textbook_figures_name_is_read_as_words(path: str, words: str) -> None:
    assert path_words(path) == words


def test_an_unknown_kind_is_captioned_as_written() -> None:
    assert "a CT scan of the left elbow" in captions_for({"label": "ct", "kind": "left elbow", "origin": "x", "path": ""})


@pytest.mark.shared
def test_no_caption_names_its_origin(shared: Path) -> None:
    with (shared / "data" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        made = captions_for(row)
        assert made, row["file"]
        assert not any(row["origin"].lower() in caption.lower() for caption in made), row["file"]


def test_the_teacher_gives_unit_vectors_in_the_order_given() -> None:
    texts = ["a photo of a dog", "a puppy", "a chest X-ray of the lungs"]
    vectors = embed(texts)
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert np.allclose(embed(texts[::-1])[::-1], vectors, atol=1e-5)
