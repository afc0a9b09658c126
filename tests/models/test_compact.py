"""The compact CLIP as a file: serving's numpy towers and open_clip itself see the same model in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from server.contract.errors import ModelError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.checkpoint import load_cnn, save_checkpoint
from server.models.clip import CompactClip, open_compact
from server.models.cnn import build_cnn
from server.models.compact import (
    CONTEXT,
    TEXT_CONFIG,
    WIDTH,
    CompactCard,
    read_compact_card,
    read_tensors,
    shipped_backbone,
    small_tokenizer,
)
from server.models.compact_open_clip import open_clip_form
from server.models.members import View
from server.models.preprocess import to_batch

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "chest",
    "x",
    "-",
    "ray",
    "##s",
    "of",
    "dog",
    "cat",
    ",",
    "d",
    "##o",
    "##g",
)
TEXTS = ["a dog", "a chest X-ray of dogs, cats", "zzz", "a " * (2 * CONTEXT)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(CNN checkpoint, compact CLIP fitted to it): real architectures, a one-layer text tower, weights at random."""
    from transformers import BertConfig, BertModel

    from server.training.clip.clip_file import text_tensors, write_clip
    from server.training.clip.train_clip import Projection
    from server.training.cnn.features import digest_of

    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("compact")
    cnn_path, clip_path = folder / "cnn.safetensors", folder / "clip.safetensors"
    save_checkpoint(cnn_path, build_cnn("efficientnet_lite0", None, MODALITIES))
    cnn = load_cnn(cnn_path)
    bert = BertModel(BertConfig(**{**TEXT_CONFIG, "vocab_size": len(WORDS), "num_hidden_layers": 1}), add_pooling_layer=False)
    rng = np.random.default_rng(2)
    shapes = {"fc1.weight": (2 * WIDTH, 1280), "fc1.bias": (2 * WIDTH,), "fc2.weight": (WIDTH, 2 * WIDTH), "fc2.bias": (WIDTH,)}
    tensors = {f"visual.head.mlp.{name}": rng.normal(0, 0.05, shape).astype(np.float32) for name, shape in shapes.items()}
    tensors["text.proj.weight"] = np.eye(WIDTH, dtype=np.float32) + rng.normal(0, 0.02, (WIDTH, WIDTH)).astype(np.float32)
    card = CompactCard(WORDS, 1, cnn.preprocess, digest_of(cnn), 1.0)
    write_clip(clip_path, cnn_path, text_tensors(bert.state_dict()), Projection(tensors, 25.0), card)
    return cnn_path, clip_path


@pytest.fixture(scope="module")
def compact(small: tuple[Path, Path]) -> CompactClip:
    return open_compact(small[1], shipped_backbone(small[0]))


def test_words_become_pieces_as_the_teacher_cuts_them() -> None:
    assert small_tokenizer(WORDS).encode("A chest X-ray, Dögs qq").tokens == [
        "[CLS]", "a", "chest", "x", "-", "ray", ",", "dog", "##s", "[UNK]", "[SEP]",
    ]  # fmt: skip


def test_texts_become_unit_vectors_however_they_are_batched(compact: CompactClip) -> None:
    vectors = compact.texts(TEXTS)
    assert vectors.shape == (len(TEXTS), WIDTH)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.allclose(np.concatenate([compact.texts([text]) for text in TEXTS]), vectors, atol=1e-5)


def test_eight_bit_floats_are_read_as_torch_reads_them(tmp_path: Path) -> None:
    codes = torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn)
    save_file(
        {"t.a": codes, "t.b": torch.ones(2, dtype=torch.float16), "t.c": torch.ones(3), "u": codes.clone()},
        tmp_path / "x.safetensors",
    )
    read = read_tensors(tmp_path / "x.safetensors", ("t.",))
    assert set(read) == {"t.a", "t.b", "t.c"}
    assert np.array_equal(read["t.a"], codes.float().numpy(), equal_nan=True)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_open_clip_loads_the_checkpoint_and_sees_the_same(small: tuple[Path, Path], compact: CompactClip, precision: str) -> None:
    import open_clip

    name, checkpoint = open_clip_form(small[1], small[0])
    spec = read_compact_card(small[1]).preprocess
    model, _, preprocess = open_clip.create_model_and_transforms(
        name,
        pretrained=str(checkpoint),
        precision=precision,
        image_mean=spec.mean,
        image_std=spec.std,
        image_interpolation="bilinear",
        image_resize_mode="squash",
    )
    model.train(False)
    assert float(model.logit_scale.detach().exp()) == pytest.approx(compact.scale, rel=1e-3)
    close = 1e-4 if precision == "fp32" else 2e-2
    with torch.inference_mode():
        texts = model.encode_text(open_clip.get_tokenizer(name)(TEXTS), normalize=True).float().numpy()
    assert np.allclose(texts, compact.texts(TEXTS), atol=close)

    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8))
    cnn = load_cnn(small[0])
    with torch.inference_mode():
        seen = model.encode_image(preprocess(image)[None].to(next(model.visual.parameters()).dtype), normalize=True).float().numpy()
        features = cnn.features(torch.from_numpy(to_batch([image], spec))).numpy()
    assert np.allclose(seen, compact.images(View([image], features)), atol=close)


def test_another_backbone_is_refused(small: tuple[Path, Path]) -> None:
    with pytest.raises(ModelError, match="another backbone"):
        open_compact(small[1], "0" * 16)


def test_missing_and_damaged_files_are_named(small: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="medlens train clip"):
        read_compact_card(tmp_path / "clip.safetensors")
    path = tmp_path / "clip.safetensors"
    shutil.copy(small[1], path)
    path.with_suffix(".json").write_text("[1]")
    with pytest.raises(ModelError, match=r"clip\.json"):
        read_compact_card(path)
    card = json.loads(small[1].with_suffix(".json").read_bytes())
    path.with_suffix(".json").write_text(json.dumps(card | {"format": 99}))
    with pytest.raises(ModelError, match="format 99"):
        read_compact_card(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ModelError, match="damaged"):
        read_tensors(path, ("text.",))
    with pytest.raises(WeightsMissing, match="cannot read"):
        read_tensors(tmp_path / "gone.safetensors", ("text.",))


def test_without_features_the_compact_clip_says_so(compact: CompactClip) -> None:
    with pytest.raises(ModelError, match="shared features"):
        compact.images(View([]))
