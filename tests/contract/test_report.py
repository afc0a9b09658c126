"""A Report as JSON: every field, and what the counts count."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from server.contract.modalities import MODALITIES, Modality
from server.contract.records import JudgedImage, Panel, Place, Report, ScanError, UniqueImage
from server.contract.report import report_json, verdict_from_json, verdict_json
from server.contract.verdict import Medical, Verdict

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
IMAGE_NAMES = {"sha256", "width", "height", "format", "bytes", "near_duplicate_of", "places", "verdict", "panels"}


def _verdict(modality: Modality = "ct") -> Verdict:
    probabilities = {name: float(name == modality) for name in MODALITIES}
    medical = Medical(float(modality != "non_medical"), True)
    is_medical, members = modality != "non_medical", {"cnn": probabilities}
    contains: tuple[Modality, ...] = (modality,) if is_medical else ()
    return Verdict(modality, is_medical, 1.0, probabilities, medical, True, True, members, "m", contains, cached=True)


def _judged(sha256: str, modality: Modality = "ct", near: str | None = None) -> JudgedImage:
    place = Place("https://example.org/a.png", "img", alt="A", box=(0, 1, 2, 3))
    image = UniqueImage(sha256, 640, 480, "png", 99, (place,), b"bytes", "0" * 16, near_duplicate_of=near)
    return JudgedImage(image, _verdict(modality), (Panel((1, 2, 3, 4), _verdict("mri")),))


REPORT = Report(
    id=UUID(int=1), kind="page", target="example.org", title="T", status="partial", error=ScanError("timed_out", "too slow"),
    model_version="m", created_at=NOW, started_at=NOW, finished_at=None, timings_ms={"total": 1.5}, found=7,
    skipped={"too_small": 3}, images=(_judged("a"), _judged("b", "non_medical"), _judged("c", "ct", near="a")),
    notices=(ScanError("timed_out", "too slow"),),
)  # fmt: skip


def test_the_contracts_names() -> None:
    shown = report_json(REPORT)
    names = "id source status error notices model_version created_at started_at finished_at timings_ms counts images"
    assert list(shown) == names.split()
    assert shown["source"] == {"target": "example.org", "kind": "page", "title": "T"}
    assert shown["error"] == {"code": "timed_out", "message": "too slow"}
    assert shown["notices"] == [{"code": "timed_out", "message": "too slow"}]
    assert (shown["created_at"], shown["finished_at"]) == ("2026-01-02T03:04:05+00:00", None)
    stages = "queue fetch render extract decode classify store total"
    assert list(shown["timings_ms"]) == stages.split()
    assert (shown["timings_ms"]["render"], shown["timings_ms"]["total"]) == (0.0, 1.5)
    image = shown["images"][0]
    assert set(image) == IMAGE_NAMES
    assert image["bytes"] == 99
    assert image["places"] == [{"url": "https://example.org/a.png", "page": None, "kind": "img", "alt": "A", "box": [0, 1, 2, 3]}]
    assert image["panels"][0]["box"] == [1, 2, 3, 4]
    assert image["panels"][0]["verdict"]["modality"] == "mri"
    verdict = image["verdict"]
    assert set(verdict["probabilities"]) == set(verdict["members"]["cnn"]) == set(MODALITIES)
    names = (
        "modality is_medical confidence probabilities medical sure uncertain open contains agree context members cached corrected"
    )
    assert list(verdict) == [*names.split(), "model_version"]
    assert (verdict["medical"], verdict["sure"], verdict["contains"]) == ({"probability": 1.0, "sure": True}, True, ["ct"])
    assert json.loads(json.dumps(shown)) == shown
    assert verdict_from_json(verdict) == REPORT.images[0].verdict


@pytest.mark.parametrize(
    ("second", "sure", "open_"), [(0.4, False, "mri"), (0.1, False, "mri"), (0.04, False, None), (0.4, True, None)]
)
def test_an_unsure_verdict_sends_its_second_candidate_where_that_is_one(second: float, sure: bool, open_: Modality | None) -> None:
    probabilities = dict.fromkeys(MODALITIES, 0.0) | {"ct": 1 - second, "mri": second}
    shown = verdict_json(replace(_verdict(), probabilities=probabilities, sure=sure))
    assert (shown["open"], shown["sure"], shown["uncertain"]) == (open_, sure, not sure)


def test_what_is_surely_medical_is_not_left_open_as_not_medical() -> None:
    probabilities = dict.fromkeys(MODALITIES, 0.0) | {"ct": 0.5, "mri": 0.2, "non_medical": 0.3}
    verdict = replace(_verdict(), probabilities=probabilities, sure=False)
    assert verdict_json(verdict)["open"] == "mri"
    assert verdict_json(replace(verdict, medical=Medical(0.7, False)))["open"] == "non_medical"


def test_near_duplicates_are_found_but_not_unique() -> None:
    assert report_json(REPORT)["counts"] == {
        "found": 7, "unique": 2, "medical": 1, "uncertain": 0, "cached": 2, "skipped": {"too_small": 3},
        "by_modality": {"ct": 1, "non_medical": 1},
    }  # fmt: skip


def test_a_tag_is_included_where_there_is_one() -> None:
    dicom = replace(REPORT.images[0].image, places=(Place(None, "file", page=3, tag="CT"),))
    shown = report_json(replace(REPORT, error=None, images=(replace(REPORT.images[0], image=dicom),)))
    assert shown["error"] is None
    assert shown["images"][0]["places"] == [{"url": None, "page": 3, "kind": "file", "alt": None, "box": None, "tag": "CT"}]
