"""Reads the files attached to a PDF: embedded files (a portfolio's, too), associated files, and those of notes on its pages.

Runs in the PDF child. The number of bytes is bounded while unpacking; the parent determines the kind of each file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pymupdf import mupdf


@dataclass(frozen=True, slots=True)
class Attached:
    """One attached file. `page`: that of its note, from 1; None if the file is attached to the whole document."""

    name: str
    xref: int
    page: int | None = None


def notes_with_files(page: Any) -> list[Any]:
    """The file specifications of the notes on a pymupdf page."""
    if page.first_annot is None:
        return []
    notes = page.annots(types=(mupdf.PDF_ANNOT_FILE_ATTACHMENT,))
    return [mupdf.pdf_dict_gets(mupdf.pdf_annot_obj(note.this), "FS") for note in notes]


def attached_files(document: Any, notes: Iterable[tuple[Any, int]]) -> Iterator[Attached]:
    """Each attached file once. `notes`: file specifications with their pages. Of a broken list, the readable part is used."""
    seen: set[int] = set()
    for spec, page in (*_of_document(mupdf.pdf_document_from_fz_document(document)), *notes):
        try:
            files = mupdf.pdf_dict_gets(spec, "EF")
            xref = next((xref for key in ("UF", "F", "DOS", "Mac", "Unix") if (xref := _number(files, key))), 0)
            name = next((text for key in ("UF", "F", "Desc") if (text := _text(spec, key))), f"attachment {len(seen) + 1}")
        except (RuntimeError, mupdf.FzErrorBase):
            continue
        if xref and xref not in seen:
            seen.add(xref)
            yield Attached(name, xref, page)


def read_attached(document: Any, file: Attached, most: int) -> bytes | None:
    """The unpacked bytes of the file; None if there are more than `most`."""
    pdf = mupdf.pdf_document_from_fz_document(document)
    stream = mupdf.fz_open_null_filter(mupdf.pdf_open_stream_number(pdf, file.xref), most + 1, 0)
    data: bytes = mupdf.fz_buffer_extract_copy(mupdf.fz_read_all(stream, 0))
    return data if len(data) <= most else None


def _of_document(pdf: Any) -> Iterator[tuple[Any, None]]:
    try:
        tree = mupdf.pdf_load_name_tree(pdf, mupdf.PDF_ENUM_NAME_EmbeddedFiles)
        for index in range(mupdf.pdf_dict_len(tree)):
            yield mupdf.pdf_dict_get_val(tree, index), None
        associated = mupdf.pdf_dict_gets(mupdf.pdf_dict_gets(mupdf.pdf_trailer(pdf), "Root"), "AF")
        for index in range(mupdf.pdf_array_len(associated)):
            yield mupdf.pdf_array_get(associated, index), None
    except (RuntimeError, mupdf.FzErrorBase):  # the list is broken; the notes may still be read
        return


def _number(files: Any, key: str) -> int:
    return int(mupdf.pdf_to_num(mupdf.pdf_dict_gets(files, key)))


def _text(spec: Any, key: str) -> str:
    return str(mupdf.pdf_to_text_string(mupdf.pdf_dict_gets(spec, key)))
