"""Prints a Report (the contract's JSON) in a terminal: a table of its images, one line of counts, and what went wrong.

Text from a page or a file (names, titles, addresses) is shown as plain text: markup and control characters have no effect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from server.contract.modalities import MODALITIES, MODALITY_NAMES, colours
from server.contract.percent import percent
from server.contract.report import verdict_from_json
from server.contract.skip_words import SKIP_WORDS
from server.contract.words import headline

# The light theme's colours: they have a contrast of at least 3 on black terminals and on white ones.
COLOURS = dict(zip(MODALITIES, colours("light"), strict=True))
CONTEXT = {
    "caption": "caption",
    "alt": "alt text",
    "heading": "heading",
    "link": "link",
    "file_name": "file name",
    "title": "title",
    "dicom_tag": "DICOM",
}
FILES = frozenset({"file", "frame"})  # kinds of places that have a file of their own; an image in a PDF has a page
BAR_CELLS = 10
NAME_CELLS = 40
LEAST_NAME_CELLS = 12
ANSWER_CELLS = 32  # longer answers, such as figures of four modalities, go on in a second line
LEAST_ANSWER_CELLS = len("ultrasound")
NOTE_CELLS = len("models disagree,")
MAX_NOTICES = 20  # lines of them below the table; the JSON has up to 100
BETWEEN = 2  # cells that separate columns, and that the table is indented


def plain(text: str | None, limit: int = 60) -> str:
    """`text` without control characters, cut to `limit` characters."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def image_name(image: Mapping[str, Any], limit: int = NAME_CELLS, *, one_file: bool = False) -> str:
    """The last part of the image's address or path, else what it is ("page 3", "canvas"); at most `limit` characters.

    An image of a file with several has its number after the name, which is never cut; a DICOM file's first frame has none, since
    most files have one frame. `one_file`: all images are from one document, whose name is left out.
    """
    place = image["places"][0] if image["places"] else {}
    url, kind, page = place.get("url") or "", place.get("kind", "image"), place.get("page")
    paged = f"{'frame' if kind == 'frame' else 'page'} {page}" if page and (not url or kind not in FILES) else ""
    if paged and (one_file or not url):
        return paged
    if url and not url.startswith("data:"):
        number = f" · {paged or page}" if page and (kind, page) != ("frame", 1) else ""
        return plain(_last_part(url), limit - len(number)) + number
    return plain(place.get("alt"), limit) or str(kind).replace("_", " ")


def _last_part(url: str) -> str:
    """The last part of an address, or of a file's path, in which percent signs and the like are literal."""
    if "://" not in url:
        return PurePath(url).name
    parts = urlsplit(url)
    return PurePosixPath(unquote(parts.path)).name or parts.netloc


def _bar(confidence: float, colour: str) -> Text:
    full = round(confidence * BAR_CELLS)
    return Text("━" * full, style=colour) + Text("╌" * (BAR_CELLS - full), style="bright_black")


def _answer(verdict: Mapping[str, Any]) -> Text:
    words = headline(verdict_from_json(verdict))
    if not verdict["sure"]:
        return Text(words, style="italic")
    return Text(words, style="bold " + COLOURS[verdict["modality"]] if verdict["is_medical"] else "bright_black")


def _how_sure(verdict: Mapping[str, Any], *, bar: bool) -> Text:
    """A percentage, with a bar before it where there is room; words for a verdict that is not sure, a figure's list, or a label."""
    if verdict.get("corrected"):
        return Text("labelled by you" if bar else "by you", style="bright_black")
    if not verdict["sure"]:
        return Text("not sure", style="italic bright_black")
    if len(verdict["contains"]) > 1:
        return Text("sure")
    percentage = Text(f" {percent(verdict['confidence'], 1):>6}")
    return _bar(verdict["confidence"], COLOURS[verdict["modality"]]) + percentage if bar else percentage[1:]


def _notes(image: Mapping[str, Any]) -> Text:
    verdict, notes = image["verdict"], []
    if not verdict["agree"] and not verdict.get("corrected"):
        notes.append("models disagree")
    if context := verdict.get("context"):
        where = CONTEXT[context["from"]]
        notes.append(f"{where} agrees" if context["agrees"] else f"{where} says {MODALITY_NAMES[context['modality']]}")
    if panels := len(image["panels"]):
        notes.append(f"{panels} panel{'s' if panels > 1 else ''}")
    if not (context and context["from"] == "dicom_tag") and (
        tag := next((place["tag"] for place in image["places"] if place.get("tag")), None)
    ):
        notes.append(f"DICOM says {plain(tag, 8)}")
    if len(image["places"]) > 1:
        notes.append(f"{len(image['places'])} places")
    return Text(", ".join(notes), style="bright_black")


@dataclass(frozen=True, slots=True)
class _Layout:
    """Widths in cells. `pixels` 0: no such column. `bar`: the confidence has a bar beside its percentage."""

    name: int
    pixels: int
    answer: int
    sure: int
    bar: bool
    notes_below: bool


def _layout(images: Sequence[Mapping[str, Any]], width: int) -> _Layout:
    """What fits into `width` cells. Names are shortened first, then notes go below the answer, then the bar and the pixels go.

    The percentage is never cut; below about 40 cells the answer is wrapped.
    """
    pixels = max(cell_len(_pixels(image)) for image in images)
    answer = min(ANSWER_CELLS, max(cell_len(_answer(image["verdict"]).plain) for image in images))
    noted = any(image["near_duplicate_of"] or _notes(image).plain for image in images)

    def space(*others: int) -> int:
        """Cells left for the name beside columns of these widths."""
        return width - BETWEEN - sum(BETWEEN + cells for cells in others)

    below = max(answer, NOTE_CELLS) if noted else answer
    sure, short = (max(cell_len(_how_sure(image["verdict"], bar=bar).plain) for image in images) for bar in (True, False))
    choices = (
        _Layout(space(pixels, answer, sure, NOTE_CELLS * noted), pixels, answer, sure, bar=True, notes_below=False),
        _Layout(space(pixels, below, sure), pixels, below, sure, bar=True, notes_below=noted),
        _Layout(space(pixels, below, short), pixels, below, short, bar=False, notes_below=noted),
        _Layout(space(below, short), 0, below, short, bar=False, notes_below=noted),
    )
    for layout in choices:
        if layout.name >= LEAST_NAME_CELLS:
            return replace(layout, name=min(NAME_CELLS, layout.name))
    answer = max(LEAST_ANSWER_CELLS, space(LEAST_NAME_CELLS, short))
    return _Layout(LEAST_NAME_CELLS, 0, answer, short, bar=False, notes_below=noted)


def _table(report: Mapping[str, Any], width: int) -> Table:
    images = [image for image in report["images"] if not image["near_duplicate_of"]]
    layout = _layout(report["images"], width)
    table = Table(box=None, pad_edge=False, padding=(0, BETWEEN, 0, 0), header_style="bright_black", expand=False)
    table.add_column("image", max_width=layout.name, overflow="ellipsis", no_wrap=True)
    if layout.pixels:
        table.add_column("pixels", justify="right", no_wrap=True, min_width=layout.pixels)
    table.add_column("shows", overflow="fold", min_width=layout.answer, max_width=layout.answer)
    table.add_column("how sure" if layout.bar else "sure", no_wrap=True, min_width=layout.sure)
    if not layout.notes_below:
        table.add_column("", overflow="fold")
    one_file = report["source"]["kind"] == "pdf"
    near_duplicates = Counter(image["near_duplicate_of"] for image in report["images"])
    for image in images:
        notes, verdict = _notes(image), image["verdict"]
        if more := near_duplicates[image["sha256"]]:
            folded = Text(f"+{more} near duplicate{'s' * (more > 1)}", style="bright_black")
            notes = Text(", ", style="bright_black").join(part for part in (folded, notes) if part.plain)
        cells = [Text(image_name(image, layout.name, one_file=one_file))]
        if layout.pixels:
            cells.append(Text(_pixels(image)))
        below = Text("\n").join(part for part in (_answer(verdict), notes) if part.plain)
        cells.append(below if layout.notes_below else _answer(verdict))
        cells.append(_how_sure(verdict, bar=layout.bar))
        table.add_row(*cells, *(() if layout.notes_below else (notes,)))
    return table


def _pixels(image: Mapping[str, Any]) -> str:
    return f"{image['width']}×{image['height']}"


def _sum(report: Mapping[str, Any]) -> Text:
    counts = report["counts"]
    images = counts["unique"]
    parts = [f"{images} image{'s' * (images != 1)}", f"{counts['medical']} medical"]
    if counts["uncertain"]:
        parts.append(f"{counts['uncertain']} not sure")
    if counts["cached"]:
        parts.append(f"{counts['cached']} cached")
    if report["timings_ms"].get("total"):
        parts.append(f"{report['timings_ms']['total'] / 1000:.1f} s")
    line = Text(" · ".join(parts))
    skipped = ", ".join(f"{number} {SKIP_WORDS[reason]}" for reason, number in counts["skipped"].items() if number)
    return line + Text(f"   skipped: {skipped}", style="bright_black") if skipped else line


def render(report: Mapping[str, Any], width: int) -> RenderableType:
    """A whole Report, as people read it on a terminal `width` cells wide."""
    source = report["source"]
    head = Text.assemble((plain(source["title"], 76) or plain(source["target"], 76), "bold"))
    if source["title"]:
        head += Text("  " + plain(source["target"], 76), style="bright_black")
    body: list[RenderableType] = [head]
    if report["images"]:
        body.append(Padding(_table(report, width), (1, 0, 1, BETWEEN)))
    if report["error"]:
        style = "red" if report["status"] == "failed" else "yellow"
        body.append(Text(f"{report['status']}: {plain(report['error']['message'], 200)}  [{report['error']['code']}]", style=style))
    others = [notice for notice in report["notices"] if notice != report["error"]]
    if others:
        body += [Text(f"  {plain(notice['message'], 200)}", style="bright_black") for notice in others[:MAX_NOTICES]]
    if len(others) > MAX_NOTICES:
        body.append(Text(f"  and {len(others) - MAX_NOTICES} more; --json has their names", style="bright_black"))
    if report["status"] != "failed" or report["images"]:
        body.append(_sum(report))
    return Group(*body)


def show(report: Mapping[str, Any], console: Console) -> None:
    console.print(render(report, console.width), highlight=False)
    console.print()
