"""A service on a CPU needs no extra: with the packages of all extras gone, medlens scans; what needs one says so in one line."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from server.contract.extras import EXTRA_OF, ExtraMissing, installed, naming_extras
from tests.site import picture

ROOT = Path(__file__).resolve().parents[2]
# Runs medlens as if the packages of the extras were not installed: an import of what stands here as None is a ModuleNotFoundError.
WITHOUT = """
import sys
from server.contract.extras import EXTRA_OF
sys.modules |= dict.fromkeys(EXTRA_OF)
from server.__main__ import main
main()
"""


def medlens(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)


def test_an_image_is_judged_by_all_models(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(picture("JPEG", (320, 240), 4))
    done = medlens(environment, "scan", str(tmp_path / "photo.jpg"), "--json", "--members", "cnn,clip,kmeans")
    assert done.returncode == 0, done.stderr
    assert all(f'"{model}"' in done.stdout for model in ("cnn", "clip", "kmeans"))


@pytest.mark.parametrize(
    ("words", "package"),
    [
        (("train", "cnn", "--data", "."), "torch"),
        (("models", "pull", "ViT-B-32/no_such_tag"), "open_clip"),
    ],
)
def test_what_needs_an_extra_says_how_to_get_it(environment: dict[str, str], words: tuple[str, ...], package: str) -> None:
    done = medlens(environment, *words)
    assert done.returncode == 2
    [line] = done.stderr.strip().splitlines()
    assert line == (
        f"medlens: this needs {package}, which is not installed; "
        "get it by `make setup-torch` in a checkout, or pip install 'medlens[torch]'"
    )


def test_a_gpu_without_torch_is_refused_by_the_worker_in_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(picture("JPEG", (320, 240), 4))
    asked = environment | {"MEDLENS_DEVICE": "cuda"}
    done = medlens(asked, "scan", "--no-cache", str(tmp_path / "photo.jpg"))
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "make setup-torch" in done.stderr + done.stdout


def test_other_missing_packages_are_not_taken_for_an_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), naming_extras():
        __import__("no_such_package")
    with pytest.raises(ExtraMissing, match="needs captum"), naming_extras():
        raise ModuleNotFoundError("No module named 'captum.attr'", name="captum.attr")
    assert installed("numpy")
    assert not installed("no_such_package")


def test_each_extra_brings_what_it_is_said_to_bring() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {"open_clip": "open_clip_torch", "openslide": "openslide_python"}
    for package, extra in EXTRA_OF.items():
        wanted = names.get(package, package).replace("_", "-")
        given = [re.split(r"[^\w-]", line.replace("_", "-"))[0] for line in project["optional-dependencies"][extra]]
        assert wanted in given, f"{package} is not in the extra {extra}"
        assert all(re.split(r"[^\w-]", line.replace("_", "-"))[0] != wanted for line in project["dependencies"])


def pins(name: str) -> dict[str, set[str]]:
    """The versions of each package; some have one a Python."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), re.MULTILINE):
        found.setdefault(package, set()).add(version)
    return found


def test_the_locks_agree() -> None:
    service, torch, everything = (pins(f"requirements{part}.lock") for part in ("", "-torch", "-all"))
    assert "torch" not in service
    assert "setuptools" in service
    assert {"torch", "timm", "open-clip-torch"} <= torch.keys()
    assert service.items() <= torch.items() <= everything.items()
