"""Finds the images of a damaged PDF that no page draws, because their page is lost with the end of the file or they do not load.

Some of them may also be drawn by a readable page. Runs in the PDF child.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pymupdf import mupdf

# Objects of a file that are searched. One of 100 MB has some 200,000; each takes microseconds.
MAX_OBJECTS = 500_000


def unloadable(page: Any, tried: set[int]) -> Iterator[str]:
    """The error of each image in a pymupdf page's resources that MuPDF cannot load and therefore does not draw.

    `tried`: the object numbers of images that are not tried again, because pages share them; those of this page are added.
    """
    pdf = mupdf.pdf_document_from_fz_document(page.parent)
    for number in {int(entry[0]) for entry in page.get_images(full=True)} - tried:
        tried.add(number)
        try:
            mupdf.pdf_load_image(pdf, mupdf.pdf_new_indirect(pdf, number, 0))
        except (RuntimeError, mupdf.FzErrorBase) as error:
            yield str(error)[:200]


def lost_images(document: Any) -> Iterator[Any]:
    """Every image object that can be loaded and is not a mask, in file order, as MuPDF images."""
    pdf = mupdf.pdf_document_from_fz_document(document)
    images, masks = [], set()
    for number in range(1, min(mupdf.pdf_count_objects(pdf), MAX_OBJECTS)):
        try:
            entry = mupdf.pdf_load_object(pdf, number)
            if mupdf.pdf_to_name(mupdf.pdf_dict_gets(entry, "Subtype")) != "Image":
                continue
            images.append(number)
            for key in ("SMask", "Mask"):
                masks.add(mupdf.pdf_to_num(mupdf.pdf_dict_gets(entry, key)))
        except (RuntimeError, mupdf.FzErrorBase):
            continue
    for number in images:
        if number in masks:
            continue
        try:
            yield mupdf.pdf_load_image(pdf, mupdf.pdf_new_indirect(pdf, number, 0))
        except (RuntimeError, mupdf.FzErrorBase):
            continue
