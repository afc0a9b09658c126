"""The web process stays light: neither networks nor a browser are imported, whatever its pages ask of the models' files."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "torchvision",
    "open_clip",
    "timm",
    "openvino",
    "playwright",
    "pymupdf",
    "server.training",
    "server.classify.engine",
}
APPLICATION = """
import sys
from server.app import create_app, weights_present
from server.settings import Settings
from server.web.pages.weights import judging

settings = Settings(data_dir=sys.argv[1], token="x" * 43)
create_app(settings)
assert weights_present(settings) == "cnn, clip, kmeans"
assert judging(settings).version
print(" ".join(sys.modules))
"""
COMMANDS = "import sys, server.__main__; print(' '.join(sys.modules))"


@pytest.mark.parametrize("program", [APPLICATION, COMMANDS], ids=["application", "commands"])
def test_what_is_loaded(program: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = str(tmp_path_factory.mktemp("data"))
    ran = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    assert HEAVY & set(ran.stdout.split()) == set()
