"""Prompt files are read as a person means them, and every mistake in one is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from server.contract.errors import SettingsError
from server.contract.modalities import MODALITIES
from server.models.prompts import MAX_FILE_BYTES, MAX_LENGTH, MAX_TEXTS, PromptClass, load_prompts


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def _write(text: str | bytes) -> Path:
        path = tmp_path / "mine.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return _write


def test_the_shipped_prompts_cover_the_six_modalities_in_order_with_several_templates() -> None:
    shipped = load_prompts()
    assert tuple(one.name for one in shipped.modalities) == MODALITIES
    assert not shipped.own
    assert all(len(one.templates) >= 3 and len(one.prompts) >= 8 for one in shipped.modalities)


def test_each_prompt_is_used_in_each_template() -> None:
    one = PromptClass("ct", ("a lung", "a {brace}"), ("{}", "a CT of {}"))
    assert one.texts == (("a lung", "a CT of a lung"), ("a {brace}", "a CT of a {brace}"))


def test_a_users_file_takes_the_place_of_what_it_names_only(write: Callable[[str | bytes], Path]) -> None:
    mine = load_prompts(write('templates = ["see {}"]\n[ct]\nprompts = ["a scan"]\n[classes.pacemaker]\nprompts = ["a device"]\n'))
    assert mine.modalities[MODALITIES.index("ct")] == PromptClass("ct", ("a scan",), ("see {}",))
    assert mine.modalities[0] == load_prompts().modalities[0]
    assert mine.own == (PromptClass("pacemaker", ("a device",), ("see {}",)),)


def test_a_classs_own_templates_win(write: Callable[[str | bytes], Path]) -> None:
    mine = load_prompts(write('templates = ["see {}"]\n[mri]\nprompts = ["a head"]\ntemplates = ["{}!"]\n'))
    assert mine.modalities[MODALITIES.index("mri")].texts == (("a head!",),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x-ray]\nprompts = ['a']", "x-ray"),
        ("[xray]\n", "xray needs prompts"),
        ("xray = 3", "xray needs prompts"),
        ("[xray]\nprompts = 'one'", "xray: prompts must be a list"),
        ("[xray]\nprompts = []", "xray: prompts must be a list"),
        ("[xray]\nprompts = ['a', 4]", "xray: prompts must be a list"),
        ("[xray]\nprompts = [' ']", "xray: prompts must be a list"),
        ("[xray]\nprompts = ['a']\ntemplate = ['{}']", "xray has template"),
        ("[xray]\nprompts = ['a']\ntemplates = ['no gap']", "'no gap' needs one {}"),
        ("[xray]\nprompts = ['a']\ntemplates = ['{} {}']", "'{} {}' needs one {}"),
        ("classes = 4", "[classes.NAME]"),
        ("[classes.ct]\nprompts = ['a']", "is a modality's name"),
        ("[xray\n", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (f"[xray]\nprompts = ['{'a' * (MAX_LENGTH + 1)}']", f"longer than {MAX_LENGTH}"),
        (f"[xray]\nprompts = {[f'p{i}' for i in range(MAX_TEXTS)]}", f"more than the {MAX_TEXTS}"),
        ("#" * (MAX_FILE_BYTES + 1), "larger than"),
    ],
)
def test_a_mistake_is_named(write: Callable[[str | bytes], Path], text: str | bytes, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_prompts(write(text))
    assert message in str(caught.value)
    assert "MEDLENS_PROMPTS" in str(caught.value)
    assert "\n" not in str(caught.value).replace("\\n", "")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot read"):
        load_prompts(tmp_path / "none.toml")


@pytest.mark.shared
def test_no_shipped_prompt_is_a_training_caption(shared: Path) -> None:
    from server.training.clip.texts import caption_texts
    from server.training.data.dataset import read_rows

    captions = {caption.lower() for caption in caption_texts(read_rows(shared / "data"))}
    message = {text.lower() for one in load_prompts().modalities for ways in one.texts for text in ways}
    assert not message & captions
