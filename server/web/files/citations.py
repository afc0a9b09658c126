"""A list of citations, one for each image: CSL-JSON, BibTeX or Markdown, written while the images are read."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from server.contract.words import headline
from server.store.export import Exported
from server.web.files.names import image_name
from server.web.files.rows import caption_of, without_login
from server.web.texts.catalogue import current

MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~])")
BIBTEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {c: f"\\{c}" for c in "{}$&#_%"}


def entry_of(row: Exported) -> dict[str, Any]:
    """An image as a CSL item: caption, page address and title, the day on which it was found; the note has verdict and hash."""
    image = row.judged.image
    page = next((place.page for place in image.places if place.page), None)
    entry: dict[str, Any] = {
        "id": f"medlens-{image.sha256[:12]}",
        "type": "graphic",
        "title": " ".join((caption_of(row) or image_name(image.places, image.sha256)).split()),
        "note": f"{headline(row.judged.verdict, current().words)}; SHA-256 {image.sha256}",
    }
    if row.title or row.target:
        entry["container-title"] = " ".join((row.title or without_login(row.target) or row.target or "").split())
    if address := without_login(row.url or row.target):
        entry["URL"] = address
    if page:
        entry["page"] = str(page)
    if row.created_at:
        entry["accessed"] = {"date-parts": [[row.created_at.year, row.created_at.month, row.created_at.day]]}
    return entry


async def csl(rows: AsyncIterator[Exported]) -> AsyncGenerator[str, None]:
    """CSL-JSON, which Zotero and others import."""
    before = "[\n"
    async for row in rows:
        yield before + json.dumps(entry_of(row), ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


async def bibtex(rows: AsyncIterator[Exported]) -> AsyncGenerator[str, None]:
    used: dict[str, int] = {}
    async for row in rows:
        entry = entry_of(row)
        used[entry["id"]] = used.get(entry["id"], 0) + 1
        key = entry["id"] if used[entry["id"]] == 1 else f"{entry['id']}-{used[entry['id']]}"
        fields = {
            "title": in_bibtex(entry["title"]),
            "howpublished": in_bibtex(entry.get("container-title", "")),
            "url": re.sub(r"[{}\\\s]", lambda found: f"%{ord(found[0]):02X}", entry.get("URL", "")),
            "pages": entry.get("page", ""),
            "urldate": day_of(entry),
            "note": in_bibtex(entry["note"]),
        }
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
        yield f"@misc{{{key},\n{lines}\n}}\n\n"


async def markdown(rows: AsyncIterator[Exported]) -> AsyncGenerator[str, None]:
    """One item of a list for each image."""
    async for row in rows:
        entry = entry_of(row)
        title = in_markdown(entry["title"])
        address = entry.get("URL", "").replace("<", "%3C").replace(">", "%3E")
        parts = [f"[{title}](<{address}>)" if address else title, in_markdown(entry.get("container-title", ""))]
        parts += [f"p. {entry['page']}" if "page" in entry else "", day_of(entry), in_markdown(entry["note"])]
        yield f"- {'. '.join(part for part in parts if part)}\n"


def day_of(entry: dict[str, Any]) -> str:
    """The day on which the image was found; empty if it is not known."""
    (parts,) = entry["accessed"]["date-parts"] if "accessed" in entry else ((),)
    return "-".join(f"{part:02}" for part in parts)


def in_bibtex(text: str) -> str:
    return "".join(BIBTEX.get(letter, letter) for letter in text)


def in_markdown(text: str) -> str:
    return MARKDOWN.sub(r"\\\1", text)
