import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.contract.errors import ModelError, SettingsError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.calibration import Floats
from server.models.checkpoint import Card, read_card, save_checkpoint
from server.models.members import KNOWN, Head, View, kinds, open_head, require
from server.models.registry import CONFIG, lookup
from server.settings import Settings, load_settings

SHUFFLED = tuple(reversed(MODALITIES))


def settings(tmp_path: Path, *members: str, **more: str) -> Settings:
    return load_settings(data_dir=tmp_path, members=members, **more)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from server.models.cnn import build_cnn

    path = tmp_path_factory.mktemp("weights") / "mobilenet_v2.safetensors"
    save_checkpoint(path, build_cnn("mobilenet_v2", None, SHUFFLED).eval())
    return path


class Still:
    """A network that always sees the same."""

    def __init__(self, path: Path) -> None:
        self.card: Card = read_card(path)

    def features(self, images: Sequence[Image.Image]) -> Floats:
        return np.ones((len(images), 1280), np.float32)


def test_the_order_of_the_settings_is_kept(tmp_path: Path) -> None:
    assert [kind.name for kind in kinds(settings(tmp_path, "vgg16", "cnn"))] == ["vgg16", "cnn"]


@pytest.mark.parametrize("members", [(), ("cnn", "cnn"), ("cnn", "oracle")])
def test_members_that_cannot_be_are_refused(tmp_path: Path, members: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError, match="MEDLENS_MEMBERS"):
        kinds(settings(tmp_path, *members))


def test_an_unknown_member_gets_an_error_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=", ".join(KNOWN)):
        kinds(settings(tmp_path, "oracle"))


def test_missing_weights_name_the_command_that_gets_them(tmp_path: Path) -> None:
    (kind,) = kinds(settings(tmp_path, "vgg16"))
    assert not kind.present()
    with pytest.raises(WeightsMissing, match="medlens models pull vgg16"):
        require(kind)


def test_the_arch_of_the_settings_decides_where_the_cnn_comes_from(tmp_path: Path) -> None:
    (shared,) = kinds(settings(tmp_path, "cnn"))
    (own,) = kinds(settings(tmp_path, "cnn", cnn_arch="vgg16"))
    assert shared.shared
    assert not own.shared
    assert own.files == (tmp_path / "models" / "vgg16.safetensors",)


def test_a_member_with_a_network_of_its_own_looks_for_itself(tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mobilenet_v2.safetensors").symlink_to(checkpoint)
    (kind,) = kinds(settings(tmp_path, "mobilenet_v2"))
    require(kind)
    member = kind.open(Still)
    assert member.logits(View([Image.new("RGB", (9, 9))] * 3)).shape == (3, 6)


def test_the_classes_of_a_checkpoint_are_put_into_our_order(checkpoint: Path) -> None:
    from safetensors.numpy import load_file

    given = load_file(checkpoint)["head.weight"].astype(np.float32)
    np.testing.assert_array_equal(open_head("cnn", checkpoint).weight, given[::-1])


def test_a_checkpoint_of_other_classes_is_refused(tmp_path: Path) -> None:
    from server.models.cnn import build_cnn

    path = tmp_path / "pets.safetensors"
    save_checkpoint(path, build_cnn("mobilenet_v2", None, ("cat", "dog")).eval())
    with pytest.raises(ModelError, match="cat, dog"):
        open_head("cnn", path)


def test_a_reader_of_shared_features_says_when_there_are_none() -> None:
    with pytest.raises(ModelError, match="shared features"):
        Head("cnn", np.zeros((6, 4), np.float32), np.zeros(6, np.float32)).logits(View([]))


def test_the_compact_clip_reads_shared_features_and_others_do_not(tmp_path: Path) -> None:
    compact, laion = kinds(settings(tmp_path, "clip", "ViT-B-32/laion2b_s34b_b79k"))
    (named,) = kinds(settings(tmp_path, "clip", clip_model="ViT-B-32", clip_pretrained="openai"))
    assert (compact.shared, laion.shared, named.shared) == (True, False, False)
    assert {path.name for path in compact.files} == {"clip.safetensors", "clip-head.safetensors", "clip.json"}


def test_a_clip_depends_on_its_prompts(tmp_path: Path) -> None:
    own = tmp_path / "prompts.toml"
    (shipped,) = kinds(settings(tmp_path, "clip"))
    (users,) = kinds(settings(tmp_path, "clip", prompts=str(own)))
    assert {path.stem for path in shipped.words} == set(MODALITIES)
    assert own in users.words


@pytest.mark.parametrize("name", ["ViT-B-32/laion2b_s34b_b79k", "ViT-B-32/openai", "biomedclip"])
def test_a_clip_of_a_hub_votes_by_the_name_it_is_pulled_by(tmp_path: Path, name: str) -> None:
    (kind,) = kinds(settings(tmp_path, name))
    assert kind.name == name
    assert kind.files == (tmp_path / "models" / lookup(name).folder / CONFIG,)
    with pytest.raises(WeightsMissing) as caught:
        require(kind)
    command = re.search(r"`medlens models pull (\S+)`", str(caught.value))
    assert command
    assert lookup(command[1]).folder == lookup(name).folder


def test_every_other_member_without_weights_says_what_makes_them(tmp_path: Path) -> None:
    for name in ("cnn", "clip", "kmeans", "vgg16", "mobilenet_v2"):
        (kind,) = kinds(settings(tmp_path, name))
        with pytest.raises(WeightsMissing, match=f"member {name} has no weights .*`medlens train (cnn|clip|kmeans)"):
            require(replace(kind, files=(tmp_path / "none",)))


def test_the_compact_clip_is_the_one_the_settings_ship_with(tmp_path: Path) -> None:
    from server.models.clip import is_compact

    assert is_compact(settings(tmp_path, "clip"))
    assert not is_compact(settings(tmp_path, "clip", clip_model="ViT-B-32"))
