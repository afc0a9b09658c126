"""All kinds of file that can be scanned, in the order in which a file is tested for them."""

from __future__ import annotations

from server.contract.records import SourceKind
from server.kinds import archive, dicom, document, image, page, pdf, slide, volume, web_archive
from server.kinds.kind import Kind, extension

KINDS: tuple[Kind, ...] = (
    dicom.KIND,
    slide.KIND,
    image.KIND,
    pdf.KIND,
    volume.KIND,
    web_archive.KIND,
    document.KIND,
    archive.KIND,
)
BY_NAME: dict[SourceKind, Kind] = {kind.name: kind for kind in KINDS}
# Kinds by extension, for messages about files whose bytes do not match their names.
EXTENSIONS: dict[str, SourceKind] = {ending: kind.name for kind in KINDS for ending in kind.extensions}
EXTENSIONS |= dict.fromkeys(page.EXTENSIONS, "page")


def kind_by_name(name: str | None) -> SourceKind | None:
    """The kind that the extension of a file's name indicates, None if it indicates none."""
    return EXTENSIONS.get(extension(name or ""))


def kind_of(head: bytes, name: str | None) -> SourceKind | None:
    """The kind of a file by its first bytes, `page` included; None if the file cannot be scanned."""
    found: SourceKind | None = next((kind.name for kind in KINDS if kind.recognises(head, name)), None)
    return found or ("page" if page.looks_like_page(head) else None)
