"""`medlens train ensemble --feedback` from the database to the judging ensemble, and back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from server.cli.models import app as models
from server.cli.refit import refit_from_corrections
from server.contract.errors import RequestError
from server.contract.modalities import MODALITIES, NON_MEDICAL
from server.contract.records import JudgedImage, Place, UniqueImage
from server.contract.verdict import Medical, Verdict
from server.models.calibration import probabilities
from server.models.ensemble import read_ensemble
from server.models.ensembles import SHIPPED, SHIPPED_FILE, in_use
from server.models.members import kinds
from server.models.version import model_version
from server.settings import Settings
from server.store import corrections, scans
from server.store.database import Database
from server.training.ensemble.validation import read_validation
from tests.judged import digest

MANY = 40


@pytest.fixture
def settings(database_settings: Settings, tmp_path: Path) -> Settings:
    return database_settings.model_copy(update={"data_dir": tmp_path, "members": ("cnn",)})


async def met(database: Database, settings: Settings, rows: Sequence[int], at_random: bool = False) -> None:
    """These shipped answers as images of a scan, each said to be what it is (or anything else); and one of another model."""
    held, shipped = read_validation(), read_ensemble(SHIPPED_FILE)
    said = probabilities(held.logits["cnn"], shipped.temperatures["cnn"])
    version = model_version(settings, kinds(settings))
    images = [image(str(row), said[row], version) for row in rows]
    for some in (images, [image("old", said[rows[0]], "another-model")]):
        scan = await scans.create(database, kind="page", target="x")
        await scans.finish(database, scan, status="done", images=some)
    for number, row in enumerate(rows):
        off = 1 + number % (len(MODALITIES) - 1) if at_random else 0
        await corrections.correct(database, digest(str(row)), MODALITIES[(held.labels[row] + off) % len(MODALITIES)])
    await corrections.correct(database, digest("old"), "ct")


def misread() -> list[int]:
    """MANY rows of other_medical that the CNN takes for something else."""
    held = read_validation()
    of_kind = held.labels == MODALITIES.index("other_medical")
    return list(np.flatnonzero(of_kind & (held.logits["cnn"].argmax(1) != held.labels))[:MANY])


def image(name: str, said: np.ndarray, version: str) -> JudgedImage:
    chances = dict(zip(MODALITIES, map(float, said), strict=True))
    modality = max(chances, key=lambda one: chances[one])
    medical = Medical(1 - chances[NON_MEDICAL], False)
    verdict = Verdict(
        modality, modality != NON_MEDICAL, chances[modality], chances, medical, False, True, {"cnn": chances}, version
    )
    return JudgedImage(UniqueImage(digest(name), 64, 64, "png", 1, (Place(None, "img"),), b""), verdict)


async def test_a_refit_judges_is_listed_and_can_be_taken_back(
    database: Database, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await met(database, settings, misread())
    before = model_version(settings, kinds(settings))
    name = await refit_from_corrections(settings)
    told = capsys.readouterr().out
    assert f"{MANY} of {MANY + 1} corrected images" in told
    assert "balanced accuracy" in told
    after = model_version(settings, kinds(settings))
    assert (in_use(settings.data_dir), after != before) == (name, True)
    with pytest.raises(RequestError, match="already"):
        await refit_from_corrections(settings)

    monkeypatch.setenv("MEDLENS_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("MEDLENS_MEMBERS", "cnn")
    runner = CliRunner()
    listed = runner.invoke(models, [], env={"COLUMNS": "200"}).output
    assert next(line for line in listed.splitlines() if line.startswith(name)).split()[1:3] == ["yes", str(MANY)]
    assert runner.invoke(models, ["restore"]).exit_code == 0
    assert in_use(settings.data_dir) == SHIPPED
    assert model_version(settings, kinds(settings)) == before
    # what the replaced version had said can still be learned from, also while the refit judges
    assert runner.invoke(models, ["restore", name]).exit_code == 0
    await corrections.correct(database, digest("old"), "mri")
    with pytest.raises(RequestError, match="already"):
        await refit_from_corrections(settings)


async def test_a_worse_refit_leaves_everything_as_it_was(database: Database, settings: Settings) -> None:
    held = read_validation()
    right = np.flatnonzero(held.logits["cnn"].argmax(1) == held.labels)
    of_every_kind = list(right[:: len(right) // MANY][:MANY])  # so that nothing is to be learned from what is said of them
    await met(database, settings, of_every_kind, at_random=True)
    version = model_version(settings, kinds(settings))
    with pytest.raises(RequestError, match="not used"):
        await refit_from_corrections(settings)
    assert (in_use(settings.data_dir), model_version(settings, kinds(settings))) == (SHIPPED, version)


async def test_nothing_corrected_is_too_little(database: Database, settings: Settings) -> None:
    with pytest.raises(RequestError, match="are needed"):
        await refit_from_corrections(settings)
