"""Finds the places of images in an electronic book: by chapter, in reading order, with their captions and headings."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from server.extract.html_images import images_of
from server.extract.shown import Shown, attribute, below, resolved, text_of, texts, xml
from server.extract.unpacking import Zip

CONTAINER = "META-INF/container.xml"


def contents(packed: Zip) -> tuple[str, Iterator[Shown]]:
    """The title and the places of images, in order."""
    container = xml(packed, CONTAINER)
    package = next((attribute(one, "full-path") for one in below(container, "rootfile")), "") if container is not None else ""
    root = xml(packed, package)
    if root is None:
        return "", iter(())
    return next((text_of(one) for one in below(root, "title")), ""), _shown(packed, package, root)


def _shown(packed: Zip, package: str, root: Element) -> Iterator[Shown]:
    items = {attribute(one, "id"): resolved(package, attribute(one, "href")) for one in below(root, "item")}
    chapters = [items.get(attribute(one, "idref"), "") for one in below(root, "itemref")]
    for number, chapter in enumerate(chapters, 1):
        if chapter in packed.infos:
            page = images_of(packed.read(chapter).decode("utf-8", "replace"))
            for image in page.images:
                name = resolved(chapter, image.address)
                yield Shown(name, number, image.alt, texts(image.heading, image.caption, image.before))
