"""Which ensemble judges: the shipped one, or a refit for these very weights; each is another model version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from server.contract.errors import ModelError, NotFound
from server.models.ensembles import (
    SHIPPED,
    SHIPPED_FILE,
    choose,
    ensemble_file,
    in_use,
    keep,
    known_versions,
    note_versions,
    refits,
)
from server.models.members import Kind
from server.models.version import ensemble_in_use, members_key, model_version
from server.settings import Settings, load_settings

NAME = "feedback-20260101-000000"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def kinds(tmp_path: Path) -> list[Kind]:
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"first")
    return [Kind("own", False, (weights,), lambda _: None)]  # type: ignore[arg-type, return-value]


def kept(settings: Settings, key: str) -> None:
    content = json.loads(SHIPPED_FILE.read_bytes()) | {"members_key": key}
    keep(settings.data_dir, NAME, content)


def test_a_refit_judges_once_it_is_chosen_and_is_another_version(settings: Settings, kinds: list[Kind]) -> None:
    key, first = members_key(settings, kinds), model_version(settings, kinds)
    kept(settings, key)
    assert model_version(settings, kinds) == first
    choose(settings.data_dir, NAME)
    assert ensemble_in_use(settings, kinds).stem == NAME
    assert model_version(settings, kinds) != first
    assert members_key(settings, kinds) == key
    choose(settings.data_dir, SHIPPED)
    assert model_version(settings, kinds) == first
    assert ensemble_in_use(settings, kinds) == SHIPPED_FILE


def test_with_other_weights_a_refit_means_nothing(settings: Settings, kinds: list[Kind]) -> None:
    kept(settings, members_key(settings, kinds))
    choose(settings.data_dir, NAME)
    kinds[0].files[0].write_bytes(b"others")
    assert ensemble_in_use(settings, kinds) == SHIPPED_FILE
    (one,) = refits(settings.data_dir, members_key(settings, kinds))
    assert (one.in_use, one.fits) == (True, False)


def test_what_is_not_there_cannot_be_chosen(settings: Settings) -> None:
    for name in ("feedback-nothing", "../../etc/passwd", ""):
        with pytest.raises(NotFound):
            choose(settings.data_dir, name)
    assert in_use(settings.data_dir) == SHIPPED


def test_a_damaged_refit_says_how_to_go_back(settings: Settings) -> None:
    kept(settings, "key")
    choose(settings.data_dir, NAME)
    for content in ("{broken", "[]"):
        (settings.data_dir / "ensembles" / f"{NAME}.json").write_text(content)
        with pytest.raises(ModelError, match="restore shipped"):
            ensemble_file(settings.data_dir, "key")


def test_versions_are_noted_beside_each_other(settings: Settings) -> None:
    assert known_versions(settings.data_dir) == {}
    note_versions(settings.data_dir, {"a": "key"})
    note_versions(settings.data_dir, {"b": "key"})
    assert known_versions(settings.data_dir) == {"a": "key", "b": "key"}
