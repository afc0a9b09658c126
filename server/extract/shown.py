"""The place of an image in a document, and functions that read the XML of documents safely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from posixpath import dirname, join, normpath
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError, XMLParser

from server.contract.errors import Damaged
from server.extract.unpacking import Zip

# Characters of one text that are kept for an image; the text model reads no more.
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Shown:
    """One place of an image. `name`: its file in the ZIP; `page`: slide or chapter, from 1; `texts`: pairs of source and text."""

    name: str
    page: int | None = None
    alt: str | None = None
    texts: tuple[tuple[str, str], ...] = ()


def texts(heading: str = "", caption: str = "", paragraph: str = "") -> tuple[tuple[str, str], ...]:
    """Pairs of source and text for Shown, without empty texts."""
    pairs = (("caption", caption), ("paragraph", paragraph), ("heading", heading))
    return tuple((source, " ".join(text.split())[:MAX_TEXT]) for source, text in pairs if text.strip())


def xml(packed: Zip, name: str) -> Element | None:
    """The root of an XML file, None if the ZIP has no such file. Raises Damaged, also for entities, which no document needs."""
    if name not in packed.infos:
        return None
    data = packed.read(name)
    if b"<!ENTITY" in data or b"<!E\0N\0T" in data:
        raise Damaged(f"{name} declares entities, as attacks do")
    try:
        parser = XMLParser()  # noqa: S314 - entities are refused above
        parser.feed(data)
        return parser.close()
    except (ParseError, ValueError, LookupError) as error:
        raise Damaged(f"{name} is broken: {error}") from None


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def attribute(element: Element, name: str) -> str:
    """An attribute by its name without namespace; an empty string if there is none."""
    return next((value for key, value in element.attrib.items() if key.rpartition("}")[2] == name), "")


def below(element: Element, *names: str) -> Iterator[Element]:
    """The element and all elements below it that have one of these names, in document order."""
    return (one for one in element.iter() if local(one) in names)


def text_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def resolved(base: str, target: str) -> str:
    """The name in the ZIP of the file that `target` refers to in the file `base`."""
    target = unquote(target.partition("#")[0])
    if target.startswith(("http:", "https:", "data:")):
        return target
    return normpath(join(dirname(base), target)).lstrip("/") if not target.startswith("/") else normpath(target).lstrip("/")
