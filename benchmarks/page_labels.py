"""Labelled pages and PDFs (`cases.json`), and which image of a Report is which labelled one.

An image is matched by the SHA-256 of its bytes. Where medlens encodes the image anew (PDF images that are no plain JPEG, joined
tiles, SVG), a PDF's image is matched by its place (the box of its xref on its page against those of the Report), then by its look
(difference hash of the stored pixels against the thumbnails of that page), a web page's by its address.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import imagehash
import pymupdf
from PIL import Image

# Of the smaller box: a labelled strip lies inside the image that its strips make together, a cropped one around what is shown.
SAME_PLACE = 0.8
# Bits of 64: the same pixels stored anew differ by 0 to 4, other images of one page by 12 or more.
SAME_LOOK = 8
UNCLEAR, MIXED, NON_MEDICAL = "unclear", "mixed", "non_medical"


@dataclass(frozen=True)
class Labelled:
    """One image as people labelled it. `contains`: the modalities of a `mixed` figure, else the label alone."""

    name: str
    label: str
    contains: frozenset[str]
    sha256: str
    file: str | None
    page: int | None
    xref: int | None
    caption: str

    @property
    def medical(self) -> bool:
        return self.label != NON_MEDICAL


@dataclass(frozen=True)
class Case:
    slug: str
    kind: str
    root: Path
    entry: str
    images: tuple[Labelled, ...]

    @property
    def file(self) -> Path:
        """The PDF, or the page's HTML."""
        inside = self.root / self.entry
        return inside if inside.is_file() else self.root.parent / self.entry


def load_cases(folder: Path) -> list[Case]:
    """All cases of a folder with `cases.json`. Images labelled `unclear` are left out, and what a plain load does not ask for."""
    return [_case(folder, one) for one in json.loads((folder / "cases.json").read_text("utf-8"))]


def _case(folder: Path, one: Mapping[str, Any]) -> Case:
    images = [
        Labelled(
            name=image.get("file") or f"page {image['page']}, xref {image['xref']}",
            label=image["label"],
            contains=frozenset(image.get("contains") or [image["label"]]),
            sha256=image["sha256"],
            file=image.get("file"),
            page=image.get("page"),
            xref=image.get("xref"),
            caption=image.get("caption") or "",
        )
        for image in one["images"]
        if image["label"] != UNCLEAR and image.get("requested_by_chromium", True)
    ]
    return Case(one["slug"], one["kind"], folder / one["root"], one["entry"], tuple(images))


def matched(case: Case, images: Sequence[Mapping[str, Any]], thumbnails: Mapping[str, bytes]) -> list[tuple[int | None, str]]:
    """For each labelled image the index of its image in the Report (None: not found) and how it was told.

    `images`: those of the Report's JSON; `thumbnails`: WebP by SHA-256.
    """
    by_hash = {image["sha256"]: index for index, image in enumerate(images)}
    if case.kind == "page":
        by_path = {_path(place["url"]): index for index, image in enumerate(images) for place in image["places"] if place["url"]}
        return [_of_page(one, by_hash, by_path) for one in case.images]
    with pymupdf.open(case.file) as document:
        return [_of_pdf(one, by_hash, images, thumbnails, document) for one in case.images]


def _path(url: str) -> str:
    return unquote(urlsplit(url).path).strip("/")


def _of_page(one: Labelled, by_hash: Mapping[str, int], by_path: Mapping[str, int]) -> tuple[int | None, str]:
    if one.sha256 in by_hash:
        return by_hash[one.sha256], "bytes"
    if one.file in by_path:
        return by_path[one.file], "address"
    return None, "none"


def _of_pdf(
    one: Labelled, by_hash: Mapping[str, int], images: Sequence[Mapping[str, Any]], thumbnails: Mapping[str, bytes], document: Any
) -> tuple[int | None, str]:
    if one.sha256 in by_hash:
        return by_hash[one.sha256], "bytes"
    assert one.page is not None
    rects = [tuple(rect) for rect in document[one.page - 1].get_image_rects(one.xref)]
    places = [
        (_overlap(rect, place["box"]), index)
        for index, image in enumerate(images)
        for place in image["places"]
        if place["page"] == one.page and place["box"]
        for rect in rects
    ]
    share, index = max(places, default=((0.0, 0.0), -1))
    if share[0] >= SAME_PLACE:
        return index, "place"
    look = imagehash.dhash(Image.open(io.BytesIO(document.extract_image(one.xref)["image"])))
    on_page = {image["sha256"]: i for i, image in enumerate(images) if any(place["page"] == one.page for place in image["places"])}
    looks = [
        (look - imagehash.dhash(Image.open(io.BytesIO(thumbnails[sha]))), i) for sha, i in on_page.items() if sha in thumbnails
    ]
    distance, index = min(looks, default=(SAME_LOOK + 1, -1))
    return (index, "look") if distance <= SAME_LOOK else (None, "none")


def _overlap(rect: Sequence[float], box: Sequence[float]) -> tuple[float, float]:
    """Common area as a share of the smaller box, and of both together. `rect`: corners; `box`: x, y, width, height."""
    left, top, right, bottom = rect
    x, y, width, height = box
    common = max(0.0, min(right, x + width) - max(left, x)) * max(0.0, min(bottom, y + height) - max(top, y))
    own, other = (right - left) * (bottom - top), width * height
    return common / max(min(own, other), 1e-9), common / max(own + other - common, 1e-9)
