"""Determines the kind of a file from its first bytes (server/kinds has a module for each kind).

The error for other files says what they seem to be. The rest of a file is not checked: it may be broken after valid first bytes.
"""

from __future__ import annotations

from server.contract.errors import UnknownKind
from server.contract.records import SourceKind
from server.kinds.kind import HEAD_BYTES
from server.kinds.registry import KINDS, kind_of

SNIFF_BYTES = HEAD_BYTES
KNOWN = ", ".join(["page", *(kind.noun for kind in KINDS[:-1])]) + f" or {KINDS[-1].noun}"

_OTHERS = (
    (b"PK\x03\x04", "a ZIP archive that breaks off"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"%!PS", "a PostScript file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"OggS", "a sound or video"),
    (b"ID3", "a sound"),
    (b"8BPS", "a Photoshop file"),
    (b"\0\0\x01\0", "an icon"),
)


def sniff(data: bytes, name: str | None) -> SourceKind:
    """The kind of a file, from its first SNIFF_BYTES or all of it; its name decides ambiguous cases. Raises UnknownKind."""
    kind = kind_of(data, name)
    if kind is None:
        raise UnknownKind(f"{name or 'this'} is {_other(data)}, not a {KNOWN}")
    return kind


def _other(data: bytes) -> str:
    if not data:
        return "empty"
    if data[4:8] == b"ftyp":
        return "a video"
    for mark, what in _OTHERS:
        if data.startswith(mark):
            return what
    printable = sum(byte in b"\t\n\r" or byte >= 32 for byte in data[:512])
    return "text" if b"\0" not in data[:512] and printable == len(data[:512]) else "of an unknown kind"
