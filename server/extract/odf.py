"""Finds the places of images in ODP and ODT: on slides, and between paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from server.extract.shown import Shown, attribute, below, local, resolved, text_of, texts, xml
from server.extract.unpacking import Zip


def title(packed: Zip) -> str:
    meta = xml(packed, "meta.xml")
    return next((text_of(one) for one in below(meta, "title")), "") if meta is not None else ""


def shown(packed: Zip) -> Iterator[Shown]:
    root = xml(packed, "content.xml")
    if root is None:
        return
    slides = list(below(root, "page"))
    if not slides:
        yield from _of_text(root)
    for number, slide in enumerate(slides, 1):
        frames = list(below(slide, "frame"))
        heads = [text_of(one) for one in frames if attribute(one, "class") == "title"]
        rest = " ".join(text_of(one) for one in below(slide, "p") if text_of(one) not in heads)
        for frame in frames:
            yield from _of_frame(frame, number, texts(heading=" ".join(heads), paragraph=rest))


def _of_text(root: Element) -> Iterator[Shown]:
    heading = before = ""
    for block in below(root, "h", "p"):
        text = text_of(block)
        if local(block) == "h":
            heading = text or heading
        for frame in below(block, "frame"):
            yield from _of_frame(frame, None, texts(heading, text, before))
        before = text or before


def _of_frame(frame: Element, number: int | None, said: tuple[tuple[str, str], ...]) -> Iterator[Shown]:
    alt = next((text_of(one) for one in frame if local(one) in ("desc", "title") and text_of(one)), "") or None
    for image in frame:
        if local(image) == "image" and (target := attribute(image, "href")):
            yield Shown(resolved("content.xml", target), number, alt, said)
