"""A scan or a collection as a folder of HTML that opens without a server: pages in every language, a style sheet, copies of images.

Nothing in it needs a script or the network. Addresses are written without user, password, query and fragment. Tags and notes are a
person's own and stay out.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

from server.contract.words import headline, shows_percent
from server.store import thumbnails
from server.store.database import Database
from server.store.export import Exported
from server.web.files.coco import copy_name
from server.web.files.names import image_name
from server.web.files.rows import Shown, caption_of, in_pages, listed, rows_of, without_login
from server.web.templating import ENVIRONMENTS, STATIC
from server.web.texts.catalogue import CATALOGUES, Catalogue, current, speaking

PAGE = 200  # images of one page: it opens at once on a phone
AT_ONCE = 50  # copies in memory at once, about 15 kB each
STYLES = ("tokens", "modalities", "share")


async def folder(database: Database, shown: Shown) -> AsyncGenerator[tuple[str, bytes], None]:
    """The files, by name, as they are made. `index.html` is in the language of the request; index.LANGUAGE.html are the others."""
    yield "style.css", "\n".join((STATIC / "css" / f"{name}.css").read_text("utf-8") for name in STYLES).encode()
    number, waiting = 0, None
    written: set[str] = set()
    async with aclosing(rows_of(database, shown)) as rows, aclosing(listed(rows)) as few, aclosing(in_pages(few, PAGE)) as pages:
        async for page in pages:
            if waiting is not None:
                for file in written_pages(shown, waiting[0], number, waiting[1], more=True):
                    yield file
            number += 1
            shas = [row.judged.image.sha256 for row in page]
            kept = await thumbnails.kept(database, shas)
            new = list(dict.fromkeys(sha256 for sha256 in shas if sha256 in kept and sha256 not in written))
            for start in range(0, len(new), AT_ONCE):
                for sha256, webp in (await thumbnails.several(database, new[start : start + AT_ONCE])).items():
                    yield f"images/{copy_name(sha256)}", webp
            written.update(new)
            waiting = page, kept
    rest, kept_last = waiting if waiting is not None else ([], set())
    for file in written_pages(shown, rest, max(number, 1), kept_last, more=False):
        yield file


def written_pages(shown: Shown, rows: list[Exported], number: int, kept: set[str], *, more: bool) -> list[tuple[str, bytes]]:
    """Page `number` in every language. `more`: another page follows."""
    own = current().language
    files = []
    for language, words in CATALOGUES.items():
        with speaking(language):
            names = {other: page_name(number, other, own) for other in CATALOGUES}
            html = (
                ENVIRONMENTS[language]
                .get_template("share.html")
                .render(
                    name=shown.name,
                    today=datetime.now(UTC),
                    cards=[card(row, words, row.judged.image.sha256 in kept) for row in rows],
                    languages=[(CATALOGUES[other].name, other, names[other]) for other in CATALOGUES if other != language],
                    number=number,
                    before=page_name(number - 1, language, own) if number > 1 else None,
                    after=page_name(number + 1, language, own) if more else None,
                )
            )
        files.append((names[language], html.encode()))
    return files


def page_name(number: int, language: str, own: str) -> str:
    """index.html, index.de.html, page-2.html: `own` is the language whose pages have no suffix."""
    return f"{'index' if number == 1 else f'page-{number}'}{'' if language == own else f'.{language}'}.html"


def card(row: Exported, words: Catalogue, has_copy: bool) -> dict[str, Any]:
    """What a shared page shows of an image."""
    image, verdict = row.judged.image, row.judged.verdict
    target = row.title or without_login(row.target, with_query=False) or row.target or ""
    return {
        "file": f"images/{copy_name(image.sha256)}" if has_copy else None,
        "width": image.width,
        "height": image.height,
        "headline": headline(verdict, words.words),
        "percent": verdict.confidence if shows_percent(verdict) else None,
        "dots": verdict.contains or (verdict.modality,),
        "sure": verdict.sure,
        "corrected": verdict.corrected,
        "caption": caption_of(row) or image_name(image.places, image.sha256),
        "page": next((place.page for place in image.places if place.page), None),
        "from": target,
        "link": without_login(row.url or row.target, with_query=False),
        "created_at": row.created_at,
    }
