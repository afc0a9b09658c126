from __future__ import annotations

import io
import re
from typing import Any

import pytest
from rich.console import Console

from server.cli.report_table import MAX_NOTICES, image_name, plain, show
from server.contract.modalities import MODALITIES


def verdict(modality: str, confidence: float, **more: Any) -> dict[str, Any]:
    rest = (1 - confidence) / 5
    return {
        "modality": modality,
        "is_medical": modality != "non_medical",
        "confidence": confidence,
        "probabilities": {name: confidence if name == modality else rest for name in MODALITIES},
        "medical": {"probability": 1 - (confidence if modality == "non_medical" else rest), "sure": True},
        "sure": True,
        "uncertain": False,
        "open": None,
        "contains": [] if modality == "non_medical" else [modality],
        "agree": True,
        "members": {},
        "cached": False,
        "corrected": False,
        "model_version": "m",
    } | more


def unsure(modality: str, confidence: float, second: str | None = None, *, medical: bool = True, **more: Any) -> dict[str, Any]:
    """Not sure of the modality; `medical`: sure that it is medical. What is left of the probability goes to `second`."""
    shares = dict.fromkeys(MODALITIES, 0.0) | {modality: confidence} | ({second: 1 - confidence} if second else {})
    answer = {"probability": 1 - shares["non_medical"], "sure": medical}
    judged = verdict(modality, confidence, sure=False, uncertain=True, medical=answer, open=second, probabilities=shares)
    return judged | more


def image(name: str, judged: dict[str, Any], **more: Any) -> dict[str, Any]:
    place = {"url": f"https://example.org/{name}", "page": None, "kind": "img", "alt": None, "box": None}
    return {
        "sha256": name,
        "width": 640,
        "height": 480,
        "format": "JPEG",
        "bytes": 1,
        "near_duplicate_of": None,
        "places": [place],
        "verdict": judged,
        "panels": [],
    } | more


def report(*images: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "1",
        "source": {"target": "https://example.org/", "kind": "page", "title": "A page"},
        "status": "done",
        "error": None,
        "notices": [],
        "timings_ms": {"total": 1234.0},
        "counts": {
            "found": len(images),
            "unique": len(images),
            "medical": 1,
            "uncertain": 0,
            "cached": 0,
            "skipped": {},
            "by_modality": {},
        },
        "images": list(images),
    } | more


def printed(value: dict[str, Any], width: int = 160) -> str:
    stream = io.StringIO()
    show(value, Console(file=stream, width=width, force_terminal=False))
    return stream.getvalue()


def test_a_sure_answer_is_never_rounded_up_to_certainty() -> None:
    assert "99.9 %" in printed(report(image("a.png", verdict("ct", 0.99999))))


def test_an_uncertain_answer_shows_both_candidates() -> None:
    text = printed(report(image("a.png", unsure("mri", 0.52, "ct"))))
    assert "Medical, CT or MRI" in text
    assert "not sure" in text
    assert "%" not in text


def test_a_second_candidate_that_is_none_is_not_shown() -> None:
    text = printed(report(image("a.png", unsure("ct", 0.95))))
    assert "Probably CT" in text
    assert "MRI" not in text


def test_a_figure_names_what_it_contains() -> None:
    text = printed(report(image("a.png", verdict("mri", 0.99, contains=["ct", "mri"]), panels=[{}, {}, {}])))
    assert "Figure with CT and MRI sure" in " ".join(text.split())
    assert "%" not in text  # it would be that of one panel
    assert "3 panels" in text
    assert re.search(r"\b1 panel\b", printed(report(image("b.png", verdict("mri", 0.99), panels=[{}]))))


def test_disagreement_correction_panels_and_the_tag_of_the_file_are_said() -> None:
    odd = image("a.dcm", verdict("mri", 0.7, agree=False), panels=[{}, {}])
    odd["places"][0]["tag"] = "MR"
    text = " ".join(printed(report(odd, image("b.png", verdict("ct", 1.0, agree=False, corrected=True)))).split())
    assert all(words in text for words in ("models disagree, 2 panels, DICOM says MR", "CT labelled by you"))
    assert text.count("models disagree") == 1


def test_near_duplicates_are_folded_into_the_first() -> None:
    text = printed(report(image("a.png", verdict("ct", 0.9)), image("b.png", verdict("ct", 0.9), near_duplicate_of="a.png")))
    assert "b.png" not in text
    assert "+1 near duplicate" in text


def test_on_a_narrow_terminal_notes_stand_below_the_answer_in_whole_words() -> None:
    doubt = unsure("non_medical", 0.6, "other_medical", medical=False, agree=False)
    lines = printed(report(image("a-long-name-of-a-picture.png", doubt, panels=[{}, {}])), width=60).splitlines()
    assert max(map(len, lines)) <= 60
    row = next(number for number, line in enumerate(lines) if "Possibly medical" in line)
    assert "not sure" in lines[row]
    assert [line.strip() for line in lines[row + 1 : row + 3]] == ["models disagree,", "2 panels"]


@pytest.mark.parametrize("width", [40, 50, 60, 70, 80, 100, 200])
@pytest.mark.parametrize("more", [{}, {"panels": [{}, {}]}, {"width": 12_000, "height": 10_000}], ids=["bare", "noted", "large"])
def test_the_percentage_is_whole_at_every_width(width: int, more: dict[str, Any]) -> None:
    doubt = unsure("non_medical", 0.6, "other_medical", medical=False)
    found = [image("a-long-name-of-an-image.png", doubt, **more), image("b.png", verdict("ct", 0.99))]
    found.append(image("c.png", verdict("ct", 1.0, corrected=True)))
    lines = printed(report(*found), width)
    assert max(map(len, lines.splitlines())) <= width
    assert (lines.count("99.0 %"), lines.count("not sure"), lines.count("by you")) == (1, 1, 1)
    if width <= 50:
        assert "━" not in lines  # the bar gives way to the percentage


def test_a_failure_says_why_and_by_which_code() -> None:
    text = printed(report(status="failed", error={"code": "host_not_found", "message": "no host named nowhere.invalid"}))
    assert "no host named nowhere.invalid" in text
    assert "[host_not_found]" in text


def test_what_a_page_wrote_does_nothing() -> None:
    hostile = report(image("x", verdict("ct", 0.9)))
    hostile["source"]["title"] = "[red]boo[/red]\x1b[31m\x07\u202eevil"
    text = printed(hostile)
    assert "[red]boo[/red]" in text
    assert not set("\x1b\x07\u202e") & set(text)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ({"url": "https://e.org/a/b%20c.png?x=1", "kind": "img"}, "b c.png"),
        ({"url": None, "kind": "embedded", "page": 3}, "page 3"),
        ({"url": "data:image/png;base64,AAAA", "kind": "img", "alt": "A knee"}, "A knee"),
        ({"url": None, "kind": "video_poster"}, "video poster"),
        ({"url": "https://e.org/", "kind": "img"}, "e.org"),
        ({"url": "scans/stack.tif", "kind": "file", "page": 2}, "stack.tif · 2"),
        ({"url": "paper.pdf", "kind": "embedded", "page": 3}, "paper.pdf · page 3"),
        ({"url": "https://e.org/a/paper.pdf", "kind": "embedded", "page": 12}, "paper.pdf · page 12"),
        ({"url": "study/slice.dcm", "kind": "frame", "page": 1}, "slice.dcm"),
        ({"url": "study/slice.dcm", "kind": "frame", "page": 2}, "slice.dcm · 2"),
        ({"url": "https://e.org/a/slice.dcm?x=1", "kind": "frame", "page": 1}, "slice.dcm"),
        ({"url": None, "kind": "frame", "page": 4}, "frame 4"),
        ({"url": "study/knee #2 50%25.dcm", "kind": "frame", "page": 1}, "knee #2 50%25.dcm"),
        ({"url": f"{'1.2.840' * 9}.dcm", "kind": "frame", "page": 12}, f"{('1.2.840' * 9)[:34]}… · 12"),
    ],
)
def test_an_image_is_called_by_the_best_name_it_has(place: dict[str, Any], name: str) -> None:
    assert image_name({"places": [place]}) == name


def test_a_documents_name_is_told_once_and_those_of_a_folder_with_each_image() -> None:
    place = {"url": "a/paper.pdf", "page": 3, "kind": "embedded", "alt": None, "box": None}
    found = image("", verdict("ct", 0.9), places=[place])
    alone = report(found, source={"target": "a/paper.pdf", "kind": "pdf", "title": "paper.pdf"})
    among = report(found, source={"target": "a", "kind": "folder", "title": "a"})
    assert "paper.pdf · page 3" not in printed(alone)
    assert "page 3" in printed(alone)
    assert "paper.pdf · page 3" in printed(among)


def test_on_a_narrow_terminal_frames_of_one_file_can_be_told_apart() -> None:
    frames = [image(f"{n}", verdict("ultrasound", 0.9, agree=False)) for n in (11, 12)]
    for number, frame in zip((11, 12), frames, strict=True):
        frame["places"] = [{"url": "a-study-with-a-long-name.dcm", "kind": "frame", "page": number}]
    text = printed(report(*frames), width=60)
    assert all(f"… · {number} " in text for number in (11, 12)), text


def test_long_text_is_cut() -> None:
    assert plain("x" * 100, 10) == "xxxxxxxxx…"


def test_notices_stand_below_the_table_and_those_beyond_the_limit_are_counted() -> None:
    notices = [{"code": "unknown_kind", "message": f"file{number}.txt is text"} for number in range(MAX_NOTICES + 5)]
    told = printed(report(notices=notices))
    assert f"file{MAX_NOTICES - 1}.txt is text" in told and f"file{MAX_NOTICES}.txt" not in told
    assert "and 5 more" in told
