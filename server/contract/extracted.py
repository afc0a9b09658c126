"""What a reader yields beside what it found: files inside its file, files beside it, and responses of a web archive."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from server.contract.records import Found, Place


@dataclass(frozen=True, slots=True)
class InnerFile:
    """A file that stands in another one (an attachment, a file of an archive): read as a source of its own, in a child of its own.

    `name`: its name or path inside. `place`: where it stands there, for what its images have no place of their own.
    """

    name: str
    data: bytes = field(repr=False)
    place: Place


@dataclass(frozen=True, slots=True)
class ListedFiles:
    """Names of files that an index (DICOMDIR) lists, relative to its folder, with `/` between folders. They come from the file."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArchivedResponse:
    """A response of a web archive that its pages may need. `mime`: its Content-Type, with parameters. `location`: the address
    to which it redirects, else None. `is_page`: whether it is a page that can be rendered.
    """

    url: str
    data: bytes = field(repr=False)
    mime: str = ""
    location: str | None = None
    is_page: bool = False


Extracted: TypeAlias = Found | InnerFile | ListedFiles | ArchivedResponse
