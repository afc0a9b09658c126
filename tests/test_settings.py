from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from server.contract.errors import SettingsError
from server.settings import PREFIX, Settings, load_settings


def test_every_setting_says_why_it_exists() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLENS_ALLOW_NETWORKS", "10.0.0.0/8, fd00::/8")
    monkeypatch.setenv("MEDLENS_MEMBERS", "cnn, kmeans")
    settings = load_settings()
    assert settings.allow_networks == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert settings.members == ("cnn", "kmeans")


def test_a_file_named_env_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MEDLENS_MIN_IMAGE_SIDE=20\nOTHER=1\n")
    assert load_settings().min_image_side == 20


def test_an_unknown_name_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLENS_MIN_IMAGE_SIZE", "20")
    with pytest.raises(SettingsError, match="MEDLENS_MIN_IMAGE_SIZE"):
        load_settings()


def test_an_unknown_name_in_the_file_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MEDLENS_COLOUR=blue\n")
    with pytest.raises(SettingsError, match="MEDLENS_COLOUR"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("PORT", "70000"), ("ALLOW_NETWORKS", "10.0.0.0/33"), ("PDF_MEMORY_MB", "512"), ("ROBOTS", "maybe")],
)
def test_a_wrong_value_names_the_knob(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=PREFIX + name):
        load_settings()
