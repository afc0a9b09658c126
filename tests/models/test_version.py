import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from server.contract.errors import WeightsMissing
from server.models import version
from server.models.members import Kind
from server.models.version import HASHES, VERSION_LENGTH, file_hashes, model_version
from server.settings import Settings, load_settings


def unopened(_: object) -> object:
    raise AssertionError("the version must be known without opening a member")


def kind(path: Path, name: str = "own") -> Kind:
    return Kind(name, False, (path,), unopened)  # type: ignore[arg-type]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"first")
    return path


def test_a_version_is_short_and_stays(settings: Settings, weights: Path) -> None:
    first = model_version(settings, [kind(weights)])
    assert len(first) == VERSION_LENGTH
    assert model_version(settings, [kind(weights)]) == first
    assert (settings.data_dir / HASHES).is_file()


def test_other_weights_are_another_version(settings: Settings, weights: Path) -> None:
    first = model_version(settings, [kind(weights)])
    weights.write_bytes(b"other")
    assert model_version(settings, [kind(weights)]) != first


def test_other_members_are_another_version_in_whatever_order(settings: Settings, weights: Path) -> None:
    one, two = kind(weights, "one"), kind(weights, "two")
    assert model_version(settings, [one, two]) == model_version(settings, [two, one])
    assert len({model_version(settings, some) for some in ([one], [two], [one, two])}) == 3


def test_words_and_thresholds_are_part_of_the_version(settings: Settings, weights: Path, tmp_path: Path) -> None:
    words, thresholds = tmp_path / "prompts.toml", tmp_path / "thresholds.json"
    speaker = replace(kind(weights), words=(words,))
    given = settings.model_copy(update={"thresholds": thresholds})
    versions = {model_version(given, [speaker])}
    for path in (words, thresholds):
        for content in ("a", "or b"):
            path.write_text(content)
            versions.add(model_version(given, [speaker]))
    assert len(versions) == 5


def test_what_is_made_of_the_members_is_part_of_the_version_and_spoils_no_refit(
    settings: Settings, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = version.model_version(settings, [kind(weights)]), version.members_key(settings, [kind(weights)])
    monkeypatch.setattr(version, "COMBINED", version.COMBINED + 1)
    assert version.model_version(settings, [kind(weights)]) != before[0]
    assert version.members_key(settings, [kind(weights)]) == before[1]


def test_absent_weights_have_no_version(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        model_version(settings, [kind(tmp_path / "none")])


def test_files_are_hashed_once(weights: Path, tmp_path: Path) -> None:
    kept = tmp_path / HASHES
    first = file_hashes({"a": weights}, kept)
    mark = next(line for line in kept.read_text().splitlines() if str(weights) in line)
    kept.write_text(kept.read_text().replace(first["a"], "0" * 64))
    assert file_hashes({"a": weights}, kept) == {"a": "0" * 64}, mark


@pytest.mark.parametrize("content", ["", "[1]", "{broken"])
def test_kept_hashes_that_are_damaged_are_made_again(weights: Path, tmp_path: Path, content: str) -> None:
    kept = tmp_path / HASHES
    kept.write_text(content)
    assert len(file_hashes({"a": weights}, kept)["a"]) == 64


def test_a_folder_that_cannot_be_written_only_costs_time(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    assert len(file_hashes({"a": weights}, tmp_path / "file" / HASHES)["a"]) == 64


def test_neither_torch_nor_openvino_is_needed_to_know_it() -> None:
    code = (
        "import sys, server.classify.engine; assert not {'torch', 'openvino', 'timm', 'open_clip'} & set(sys.modules), sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
