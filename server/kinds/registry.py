"""Every kind of file that can be scanned, in the order in which a file is asked for it: one line each."""

from __future__ import annotations

from server.contract.records import SourceKind
from server.kinds import archive, dicom, document, image, page, pdf, volume, web_archive
from server.kinds.kind import Kind, extension

KINDS: tuple[Kind, ...] = (
    dicom.KIND,
    image.KIND,
    pdf.KIND,
    volume.KIND,
    web_archive.KIND,
    document.KIND,
    archive.KIND,
)
BY_NAME: dict[SourceKind, Kind] = {kind.name: kind for kind in KINDS}
# Kinds by file name: what a broken file was meant to be.
EXTENSIONS: dict[str, SourceKind] = {ending: kind.name for kind in KINDS for ending in kind.extensions}
EXTENSIONS |= dict.fromkeys(page.EXTENSIONS, "page")


def kind_by_name(name: str | None) -> SourceKind | None:
    """The kind that the file's name stands for, None if it stands for none."""
    return EXTENSIONS.get(extension(name or ""))


def kind_of(head: bytes, name: str | None) -> SourceKind | None:
    """The kind of a file by its first bytes, `page` included; None for what cannot be scanned."""
    told: SourceKind | None = next((kind.name for kind in KINDS if kind.tells(head, name)), None)
    return told or ("page" if page.looks_like_page(head) else None)
