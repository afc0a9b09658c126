"""The address that opens the original at an image, and the image's name."""

from __future__ import annotations

import pytest

from server.contract.records import Place, SourceKind
from server.contract.verdict import Context
from server.web.files.names import NAME_CHARS, image_name
from server.web.pages.original import original_of

PAGE = "https://example.org/p?x=1#top"
SAID = "CT of the chest, axial - a nodule & more than eight words"


@pytest.mark.parametrize(
    ("kind", "url", "page", "source", "expected"),
    [
        ("page", PAGE, None, "caption", "https://example.org/p?x=1#:~:text=CT%20of%20the%20chest%2C%20axial%20%2D%20a%20nodule"),
        ("page", PAGE, None, "alt", PAGE),  # nobody sees it on the page
        ("page", PAGE, None, None, PAGE),
        ("pdf", "https://example.org/p.pdf", 7, "caption", "https://example.org/p.pdf#page=7"),
        ("pdf", "https://example.org/p.pdf", None, None, "https://example.org/p.pdf"),
        ("image", "https://example.org/p.png", None, None, None),
        ("page", "javascript:alert(1)", None, "caption", None),
        ("page", "https://[", None, "caption", None),
        ("page", None, None, None, None),
    ],
)
def test_the_original_opens_at_the_image(
    kind: SourceKind, url: str | None, page: int | None, source: str | None, expected: str | None
) -> None:
    context = Context("ct", True, SAID, source, True) if source else None  # type: ignore[arg-type]
    assert original_of(kind, url, Place(url, "img", page=page), context) == expected


@pytest.mark.parametrize(
    ("url", "alt", "expected"),
    [
        ("https://example.org/figures/fig%201.png?size=2", None, "fig 1.png"),
        ("https://example.org/a.png", " Chest \n CT ", "Chest CT"),
        ("https://example.org/", "x" * 200, "x" * (NAME_CHARS - 1) + "…"),
        ("https://example.org/", "", "0123456789ab"),
        ("data:image/png;base64,AAAA/BBBB", None, "0123456789ab"),
        ("https://[", None, "0123456789ab"),
        (None, None, "0123456789ab"),
    ],
)
def test_an_image_is_called_by_its_text_its_file_or_its_hash(url: str | None, alt: str | None, expected: str) -> None:
    assert image_name([Place(url, "img", alt=alt)], "0123456789abcdef") == expected
