from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from server.models import precision
from server.models.precision import choose_precision, has_tiles
from server.models.version import model_version
from server.settings import load_settings


def described(folder: Path, flags: str) -> Path:
    path = folder / "cpuinfo"
    path.write_text(f"processor\t: 0\nmodel name\t: amx_bf16 in a name\nflags\t\t: fpu {flags} sse\n")
    return path


@pytest.mark.parametrize(("flags", "has"), [("amx_bf16 amx_tile", True), ("avx512_bf16", False), ("", False)])
def test_only_tiles_of_bfloat16_count(tmp_path: Path, flags: str, has: bool) -> None:
    assert has_tiles(described(tmp_path, flags)) is has


def test_a_system_that_does_not_describe_its_processors_computes_in_32_bits(tmp_path: Path) -> None:
    assert not has_tiles(tmp_path / "none")


def test_auto_follows_the_processor_and_a_named_precision_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, chosen in ((True, "bf16"), (False, "f32")):
        monkeypatch.setattr(precision, "_has_tiles", lambda has=has: has)
        assert choose_precision("auto") == chosen
        assert choose_precision("f32") == "f32"
        assert choose_precision("bf16") == "bf16"


def test_verdicts_of_another_precision_are_not_taken_from_the_cache(tmp_path: Path) -> None:
    versions = {name: model_version(load_settings(data_dir=tmp_path, precision=name), []) for name in ("f32", "bf16")}
    assert versions["f32"] != versions["bf16"]


def test_both_precisions_give_nearly_the_same_product() -> None:
    from server.models.graph import compile_graph, op, ov

    def product(name: precision.Precision, given: NDArray[np.float32], by: NDArray[np.float32]) -> NDArray[np.float32]:
        read = op.parameter(list(given.shape), np.float32)
        built = ov.Model([op.result(op.matmul(read, op.constant(by), False, False))], [read], "product")
        return np.asarray(compile_graph(built, name)(given)[0], np.float32)

    rng = np.random.default_rng(0)
    given, by = rng.random((64, 128), np.float32), rng.random((128, 32), np.float32)
    np.testing.assert_allclose(product("f32", given, by), given @ by, rtol=1e-5)
    np.testing.assert_allclose(product("bf16", given, by), given @ by, rtol=2e-2)
