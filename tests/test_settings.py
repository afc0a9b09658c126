from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from server.contract.errors import SettingsError
from server.settings import PREFIX, Settings, load_settings, origin_of


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
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("ALLOW_NETWORKS", "10.0.0.0/33"),
        ("PDF_MEMORY_MB", "512"),
        ("READER_MEMORY_MB", "1"),
        ("ROBOTS", "maybe"),
    ],
)
def test_a_wrong_value_names_the_setting(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=PREFIX + name):
        load_settings()


def test_an_old_name_still_sets_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLENS_PDF_MEMORY_MB", "700")
    assert load_settings().reader_memory_mb == 700
    assert origin_of("reader_memory_mb") == "environment"
    monkeypatch.setenv("MEDLENS_READER_MEMORY_MB", "800")
    with pytest.raises(SettingsError, match="MEDLENS_PDF_MEMORY_MB and MEDLENS_READER_MEMORY_MB"):
        load_settings()


def test_both_names_work_in_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("MEDLENS_PDF_TIMEOUT_S=7\nMEDLENS_READER_MEMORY_MB=900\n")
    settings = load_settings()
    assert (settings.reader_timeout_s, settings.reader_memory_mb) == (7, 900)
    assert origin_of("reader_timeout_s") == ".env"
