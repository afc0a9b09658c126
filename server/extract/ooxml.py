"""Finds the places of images in PPTX, DOCX and XLSX: on slides, in order, and between paragraphs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from posixpath import dirname
from xml.etree.ElementTree import Element

from server.extract.shown import Shown, attribute, below, local, resolved, text_of, texts, xml
from server.extract.unpacking import Zip

_NUMBER = re.compile(r"(\d+)\.xml$")
_CAPTION = re.compile(r"^(fig|figure|abb|abbildung|table)\b", re.IGNORECASE)


def title(packed: Zip) -> str:
    core = xml(packed, "docProps/core.xml")
    return next((text_of(one) for one in below(core, "title")), "") if core is not None else ""


def shown(packed: Zip) -> Iterator[Shown]:
    if "ppt/presentation.xml" in packed.infos:
        for number, slide in enumerate(_slides(packed), 1):
            yield from _of_slide(packed, slide, number)
    elif "word/document.xml" in packed.infos:
        yield from _of_text(packed, "word/document.xml")
    else:
        for name in sorted(packed.names):
            if re.match(r"xl/drawings/[^/]+\.xml$", name):
                yield from _pictures(packed, name, None, ())


def _slides(packed: Zip) -> list[str]:
    """The slides in the order in which they are shown."""
    root, links = xml(packed, "ppt/presentation.xml"), _links(packed, "ppt/presentation.xml")
    entries = below(root, "sldId") if root is not None else iter(())
    # An entry has two attributes called id: its own number without a namespace, and that of the relation with one.
    relations = [next((value for key, value in one.attrib.items() if key.endswith("}id")), "") for one in entries]
    ordered = [links[relation] for relation in relations if relation in links]
    others = [name for name in packed.names if re.match(r"ppt/slides/[^/]+\.xml$", name) and name not in ordered]
    return ordered + sorted(others, key=lambda name: int(match[1]) if (match := _NUMBER.search(name)) else 0)


def _of_slide(packed: Zip, name: str, number: int) -> Iterator[Shown]:
    root = xml(packed, name)
    if root is None:
        return
    heading, rest = "", []
    for shape in below(root, "sp"):
        text = " ".join(text_of(paragraph) for paragraph in below(shape, "p"))
        if not heading and any(attribute(one, "type") in ("title", "ctrTitle") for one in below(shape, "ph")):
            heading = text
        else:
            rest.append(text)
    yield from _pictures(packed, name, number, texts(heading=heading, paragraph=" ".join(rest)), root)


def _pictures(
    packed: Zip, name: str, number: int | None, said: tuple[tuple[str, str], ...], root: Element | None = None
) -> Iterator[Shown]:
    root = xml(packed, name) if root is None else root
    links = _links(packed, name)
    if root is None:
        return
    named = set()
    for picture in below(root, "pic", "graphicFrame", "bg", "sp"):
        alt = next((attribute(one, "descr") for one in below(picture, "cNvPr")), "") or None
        for blip in below(picture, "blip"):
            if (target := links.get(attribute(blip, "embed"))) and (target, alt) not in named:
                named.add((target, alt))
                yield Shown(target, number, alt, said)


def _of_text(packed: Zip, name: str) -> Iterator[Shown]:
    """The images of a text document, each with the heading before it and the caption or paragraph after it."""
    root, links = xml(packed, name), _links(packed, name)
    if root is None:
        return
    heading = before = ""
    waiting: list[tuple[str, str | None, str, str]] = []
    for paragraph in below(root, "p"):
        text = text_of(paragraph)
        style = next((attribute(one, "val") for one in below(paragraph, "pStyle")), "").lower()
        if text:
            is_caption = "caption" in style or bool(_CAPTION.match(text))
            for target, alt, head, earlier in waiting:
                yield Shown(target, None, alt, texts(head, text if is_caption else "", earlier if is_caption else text))
            waiting.clear()
        if text and (style.startswith(("heading", "title", "berschrift", "titre"))):
            heading = text
        for drawing in below(paragraph, "drawing", "pict", "object"):
            alt = next((attribute(one, "descr") for one in below(drawing, "docPr", "cNvPr") if attribute(one, "descr")), "") or None
            found = [attribute(one, "embed") for one in below(drawing, "blip")]
            found += [attribute(one, "id") for one in below(drawing, "imagedata")]
            waiting += [(links[one], alt, heading, before) for one in found if one in links]
        before = text or before
    for target, alt, head, earlier in waiting:
        yield Shown(target, None, alt, texts(head, "", earlier))


def _links(packed: Zip, name: str) -> dict[str, str]:
    """The relations of a part, from id to the name of a file in the ZIP. Those to outside the document are left out."""
    folder, _, file = name.rpartition("/")
    root = xml(packed, f"{folder}/_rels/{file}.rels")
    if root is None:
        return {}
    inside = [one for one in root if local(one) == "Relationship" and one.get("TargetMode") != "External"]
    return {one.get("Id", ""): resolved(f"{dirname(name)}/x", one.get("Target", "")) for one in inside}
