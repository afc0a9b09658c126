"""What a reader sees with an image of a PDF page: the caption by its place, the nearest text, the heading."""

from __future__ import annotations

from collections.abc import Sequence

import pymupdf
import pytest

from server.contract.records import Candidate
from server.extract.captions import is_caption
from server.extract.pdf_text import MAX_CONTENT_BYTES, PageText
from tests.drawn import drawn, encoded
from tests.extract.pdfs import read

Words = Sequence[tuple[tuple[float, float], str, float]]  # where, what, size of letters
RUNNING = "The patient was seen again after six weeks and had no complaints. " * 6


def document(images: Sequence[tuple[float, float, float, float]], words: Words) -> bytes:
    made = pymupdf.open()
    page = made.new_page(width=600, height=800)
    for number, box in enumerate(images, 1):
        page.insert_image(box, stream=encoded(drawn(200 + number, 160)))
    for (x, y), text, size in words:
        page.insert_textbox((x, y, min(x + 420, 590), y + 150), text, fontsize=size)
    data: bytes = made.tobytes()
    return data


async def texts(data: bytes, **settings: object) -> list[dict[str, str]]:
    found = [one for one in await read(data, **settings) if isinstance(one, Candidate)]
    return [{text.source: text.text for text in one.place.texts} for one in found]


async def test_the_caption_below_belongs_to_every_image_of_its_figure() -> None:
    data = document(
        [(50, 100, 200, 220), (220, 100, 370, 220), (50, 240, 200, 360)],
        [((50, 40), "3 Results", 18), ((50, 370), "Figure 2: Axial CT of the abdomen.", 9), ((50, 560), RUNNING, 10)],
    )
    found = await texts(data)
    assert [one["caption"] for one in found] == ["Figure 2: Axial CT of the abdomen."] * 3
    assert found[0]["heading"] == "3 Results"


async def test_a_caption_above_is_taken_where_none_is_below() -> None:
    data = document([(50, 130, 250, 290)], [((50, 100), "Abb. 1: MRT des Knies", 9), ((50, 330), RUNNING, 10)])
    assert (await texts(data))[0]["caption"] == "Abb. 1: MRT des Knies"


async def test_the_caption_of_the_next_figure_is_not_taken_across_running_text() -> None:
    data = document([(50, 100, 250, 260)], [((50, 280), RUNNING, 10), ((50, 600), "Fig. 9. Ultrasound of the liver", 9)])
    found = (await texts(data))[0]
    assert "caption" not in found and found["paragraph"].startswith("The patient")


async def test_a_caption_of_two_blocks_is_read_to_its_end() -> None:
    caption = (
        "Figure 4: The first image is the input, the second one is the prediction and the third one is the ground truth of an MRI."
    )
    assert (await texts(document([(50, 100, 350, 260)], [((50, 270), caption, 9)])))[0]["caption"] == caption
    head, tail = caption[:60], caption[60:]
    lines = [((50.0, 270.0), head, 9.0), ((50.0, 286.0), tail, 9.0), ((50.0, 330.0), "The next paragraph", 9.0)]
    assert (await texts(document([(50, 100, 350, 260)], lines)))[0]["caption"] == f"{head.strip()} {tail.strip()}"


def test_a_page_whose_text_cannot_be_read_has_none() -> None:
    class Broken:
        def read_contents(self) -> bytes:
            raise RuntimeError("syntax error in content stream")

    class Map:
        def read_contents(self) -> bytes:
            return bytes(MAX_CONTENT_BYTES + 1)

    assert PageText(Broken()).beside((0, 0, 100, 100)) == []
    assert PageText(Map()).beside((0, 0, 100, 100)) == []


async def test_with_context_off_nothing_is_read() -> None:
    data = document([(50, 100, 250, 260)], [((50, 270), "Figure 1: CT", 9)])
    assert await texts(data, context="off") == [{}]


@pytest.mark.parametrize(
    "text",
    ["Figure 3: x", "Fig. 1a. x", "FIGURE 12 x", "Abb. 2", "Abbildung 4: x", "Figura 1. x", "Supplementary Fig. S3", "Plate 7"],
)
def test_captions_begin_so(text: str) -> None:
    assert is_caption(text)


@pytest.mark.parametrize("text", ["As Figure 3 shows", "Figures of speech", "see Fig. 2", "Photograph by the author", "Table 3"])
def test_other_texts_do_not(text: str) -> None:
    assert not is_caption(text)
