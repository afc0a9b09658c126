"""Any open_clip model by name, from a pulled folder, or untrained; a small one stands in for the large, by the same code path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from server.contract.errors import ModelError, SettingsError, WeightsMissing
from server.models.any_clip import RANDOM, AnyClip
from server.models.clip import ClipMember, ZeroShot, open_member, open_zero_shot
from server.models.compact import small_tokenizer
from server.models.members import FETCHED, View
from server.models.prompt_vectors import FOLDER
from server.models.prompts import load_prompts
from server.models.registry import folder_name, lookup
from server.settings import Settings

NAME = "medlens-test-tiny"
VISION = {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16}
CONFIG: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": VISION,
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "x", "-", "ray", "dog")
IMAGES = [Image.new("RGB", (50, 30), "white"), Image.new("RGB", (20, 90), "black")]


@pytest.fixture(scope="module", autouse=True)
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("configs") / f"{NAME}.json"
    path.write_text(json.dumps(CONFIG))
    open_clip.add_model_config(path)


def pulled(models: Path, model: str, config: dict[str, Any]) -> Path:
    """A folder as `models pull` leaves it, weights at random."""
    folder = models / folder_name(model, "")
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}})
    )
    return folder


def test_an_untrained_model_answers_for_the_six_modalities(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, clip_model=NAME, clip_pretrained=RANDOM, device="cpu")
    member = open_member(settings)
    logits = member.logits(View(IMAGES))
    assert logits.shape == (2, 6)
    assert np.isfinite(logits).all()
    assert np.allclose(np.linalg.norm(member.zero_shot.clip.texts(["a dog", "x"]), axis=1), 1, atol=1e-4)


def test_a_pulled_folder_loads_without_a_network(tmp_path: Path) -> None:
    model = open_clip.create_model(NAME)
    folder = pulled(tmp_path, "hf-hub:owner/tiny", CONFIG)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    clip = AnyClip("hf-hub:owner/tiny", "", tmp_path, "cpu")
    with torch.inference_mode():
        truth = model.train(False).encode_text(open_clip.get_tokenizer(NAME)(["a dog"]), normalize=True).numpy()
    assert np.allclose(clip.texts(["a dog"]), truth, atol=1e-5)
    member = ClipMember(ZeroShot(clip, load_prompts()))
    assert member.logits(View(IMAGES)).shape == (2, 6)


def test_a_pulled_models_prompts_are_embedded_once_and_an_untrained_ones_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, asked = pulled(tmp_path / FETCHED, "hf-hub:owner/tiny", CONFIG), []
    texts = AnyClip.texts
    monkeypatch.setattr(AnyClip, "texts", lambda clip, given: asked.append(len(given)) or texts(clip, given))
    settings = Settings(data_dir=tmp_path, clip_model="hf-hub:owner/tiny", clip_pretrained="", device="cpu")
    for times in (1, 2):
        weights = {key: value.contiguous() for key, value in open_clip.create_model(NAME).state_dict().items()}
        save_file(weights, folder / "open_clip_model.safetensors")
        first, second = (open_zero_shot(settings).scores(np.eye(24, dtype=np.float32)) for _ in range(2))
        np.testing.assert_array_equal(first, second)
        assert len(asked) == times
    for _ in range(2):
        open_zero_shot(settings.model_copy(update={"clip_model": NAME, "clip_pretrained": RANDOM}))
    assert len(asked) == 4
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


def test_a_text_tower_of_another_repository_loads_from_beside_the_model(tmp_path: Path) -> None:
    """The shape of BiomedCLIP: its configuration names a BERT on the hub, of which only the configuration is needed."""
    bert = {"model_type": "bert", "vocab_size": len(WORDS), "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    bert |= {"intermediate_size": 32, "max_position_embeddings": 32}
    text = {"hf_model_name": "owner/bert", "hf_tokenizer_name": "owner/bert", "hf_proj_type": "mlp", "context_length": 32}
    folder = pulled(tmp_path, "hf-hub:owner/bio", {**CONFIG, "text_cfg": text})
    (folder / "text").mkdir()
    (folder / "text" / "config.json").write_text(json.dumps(bert))
    small_tokenizer(WORDS).save(str(folder / "tokenizer.json"))
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]", "unk_token": "[UNK]"}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind))
    local = {**CONFIG, "text_cfg": {**text, "hf_model_name": str(folder / "text"), "hf_model_pretrained": False}}
    model = open_clip.CustomTextCLIP(**local)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / "open_clip_model.safetensors")
    assert AnyClip("hf-hub:owner/bio", "", tmp_path, "cpu").texts(["x-ray", "dog"]).shape == (2, 24)


def test_missing_and_unknown_models_raise_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="open_clip knows no 'Nonsense'"):
        AnyClip("Nonsense", "openai", tmp_path, "cpu")
    with pytest.raises(SettingsError, match=r"no weights called 'mine'; known: .*laion2b_s34b_b79k"):
        AnyClip("ViT-B-32", "mine", tmp_path, "cpu")
    with pytest.raises(WeightsMissing, match="models pull ViT-B-32/laion2b_s34b_b79k"):
        AnyClip("ViT-B-32", "laion2b_s34b_b79k", tmp_path, "cpu")
    with pytest.raises(WeightsMissing, match="models pull hf-hub:owner/gone"):
        AnyClip("hf-hub:owner/gone", "", tmp_path, "cpu")


def test_a_damaged_download_raises_a_clear_error(tmp_path: Path) -> None:
    folder = pulled(tmp_path, "hf-hub:owner/torn", CONFIG)
    (folder / "open_clip_model.safetensors").write_bytes(b"\x10" + b"\x00" * 30)
    with pytest.raises(ModelError, match="owner--torn cannot be loaded"):
        AnyClip("hf-hub:owner/torn", "", tmp_path, "cpu")


def test_pull_and_load_agree_on_the_folder() -> None:
    assert lookup("ViT-B-32/openai").folder == folder_name("ViT-B-32", "openai") == "ViT-B-32__openai"
    assert lookup("biomedclip").folder == "microsoft--BiomedCLIP-PubMedBERT_256-vit_base_patch16_224"
