"""DICOM files, including old ones without a preamble and the mark `DICM`."""

from __future__ import annotations

from server.kinds.kind import Kind, extension

MAX_FIRST_VALUE = 1024  # bytes; the first element of an old DICOM file is a length or the name of a character set
EXTENSIONS = (".dcm", ".dicom", ".ima")


def _matches(head: bytes, name: str) -> bool:
    return head[128:132] == b"DICM" or _is_bare(head, name)


def _is_bare(head: bytes, name: str) -> bool:
    """Whether the file is DICOM without preamble and mark, as old files are.

    Such a file begins with an element of group 2 or 8: its tag, followed by a type of two capitals or by a small length. If the
    element has no type and the file's name has none of EXTENSIONS, further elements must follow it.
    """
    little = head[:2] in (b"\x02\0", b"\x08\0") and head[3:4] == b"\0"
    big = head[:3] in (b"\0\x02\0", b"\0\x08\0")
    if len(head) < 8 or not (little or big):
        return False
    if head[4:6].isalpha() and head[4:6].isupper():
        return True
    length = int.from_bytes(head[4:8], "little" if little else "big")
    if length > MAX_FIRST_VALUE:
        return False
    return extension(name) in EXTENSIONS or (little and length % 2 == 0 and _follows(head, 8 + length))


def _follows(head: bytes, at: int) -> bool:
    """Whether three elements without types follow at offset `at`, in ascending order of their tags."""
    before = head[0] | head[1] << 8, head[2] | head[3] << 8
    for _ in range(3):
        if at + 8 > len(head):
            return False
        tag = int.from_bytes(head[at : at + 2], "little"), int.from_bytes(head[at + 2 : at + 4], "little")
        length = int.from_bytes(head[at + 4 : at + 8], "little")
        if tag <= before or tag[0] not in (2, 8, 0x10, 0x18, 0x20, 0x28) or length > MAX_FIRST_VALUE or length % 2:
            return False
        before, at = tag, at + 8 + length
    return True


# Tested before images: the 128 bytes before the mark may be the header of a TIFF, so that TIFF readers can open the file, too.
KIND = Kind("dicom", "DICOM file", "server.extract.dicom_worker", "frame", EXTENSIONS, matches=_matches)
