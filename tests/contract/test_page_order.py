"""The order of a Report's images, for places of every kind."""

from __future__ import annotations

import pytest

from server.contract.page_order import in_page_order
from server.contract.records import Place
from tests.judged import digest, judged

PDF_A, PDF_B = "a.pdf", "b.pdf"
WEB = "https://example.org/x.png"


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(
            [
                Place(PDF_A, "embedded", page=1, box=(30, 10, 9, 9)),
                Place(PDF_A, "embedded", page=2, box=(30, 10, 9, 9)),
                Place(PDF_A, "embedded", box=None),
                Place(PDF_B, "embedded", page=1, box=(30, 5, 9, 9)),
                Place(PDF_B, "embedded", page=1, box=(40, 5, 9, 9)),
                Place(PDF_B, "embedded", page=1),
            ],
            id="PDFs scanned together stay apart",
        ),
        pytest.param(
            [Place("a.dcm", "frame", page=1), Place("a.dcm", "frame", page=2), Place("b.dcm", "frame", page=1)],
            id="frames of two DICOM files stay apart",
        ),
        pytest.param([Place("a.png", "file"), Place("b.tif", "file", page=1), Place("b.tif", "file", page=10)], id="files"),
        pytest.param(
            [
                Place(WEB, "img", box=(300, 20, 9, 9)),
                Place("z.png", "img", box=(0, 40, 9, 9)),
                Place("a.png", "img", box=(5, 40, 9, 9)),
                Place(PDF_A, "embedded", page=1, box=(0, 0, 9, 9)),
                Place(WEB, "background"),
            ],
            id="a web page from the top, then the PDF it embeds, then what is not shown",
        ),
    ],
)
def test_images_stand_as_people_read_them(wanted: list[Place]) -> None:
    images = [judged(str(number), places=(place,)) for number, place in enumerate(wanted)]
    for shuffled in (images[::-1], images[1::2] + images[::2]):
        assert [one.image.sha256 for one in in_page_order(shuffled)] == [digest(str(number)) for number in range(len(wanted))]


def test_an_image_goes_by_its_first_place_and_one_without_any_comes_last() -> None:
    twice = judged("twice", places=(Place(WEB, "img", box=(0, 900, 9, 9)), Place(WEB, "img", box=(0, 10, 9, 9))))
    once, nowhere = judged("once", places=(Place(WEB, "img", box=(0, 500, 9, 9)),)), judged("nowhere", places=())
    assert in_page_order([nowhere, once, twice]) == (twice, once, nowhere)
    assert in_page_order([once, replaced := judged("same", places=once.image.places)]) == (once, replaced)
