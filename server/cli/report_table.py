"""How a Report looks in a terminal: one table of its images, one line that sums it up, and what went wrong.

Knows the contract's JSON of a Report and nothing of how it came about. Everything that a page or a file could have written
(names, titles, addresses) is shown as plain text: markup and control characters in it do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from server.contract.modalities import MODALITIES, colours
from server.contract.percent import percent
from server.contract.report import verdict_from_json
from server.contract.skip_words import SKIP_WORDS
from server.contract.words import headline

# The light theme's colours: they have a contrast of at least 3 on black terminals and on white ones.
COLOURS = dict(zip(MODALITIES, colours("light"), strict=True))
FILES = frozenset({"file", "frame"})  # kinds of places that have a file of their own; an image in a PDF has a page
BAR_CELLS = 10
NAME_CELLS = 40
LEAST_NAME_CELLS = 12
PIXEL_CELLS = len("2000×2000")
SURE_CELLS = BAR_CELLS + len(" 99.9 %")
ANSWER_CELLS = 32  # longer answers, such as figures of four modalities, go on in a second line
NOTE_CELLS = len("models disagree,")
BETWEEN = 2  # cells that separate columns, and that the table is indented


def plain(text: str | None, limit: int = 60) -> str:
    """What somebody else wrote, without control characters, at most `limit` characters."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def image_name(image: Mapping[str, Any], limit: int = NAME_CELLS, *, one_file: bool = False) -> str:
    """The last part of its address or path, or what it is ("page 3", "canvas") when it has none of its own.

    At most `limit` characters. Of a file of several pictures its number is told as well, and never cut; a DICOM file's first frame
    goes without, since most have no other. `one_file`: all come from one document, whose name need not be told each time.
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
    """Of an address, or of a file's path, in which no sign has another meaning."""
    if "://" not in url:
        return PurePath(url).name
    parts = urlsplit(url)
    return PurePosixPath(unquote(parts.path)).name or parts.netloc


def _bar(confidence: float, colour: str) -> Text:
    full = round(confidence * BAR_CELLS)
    share = percent(confidence, 1).rjust(SURE_CELLS - BAR_CELLS - 1)
    return Text("━" * full, style=colour) + Text("╌" * (BAR_CELLS - full), style="bright_black") + Text(f" {share}")


def _answer(verdict: Mapping[str, Any]) -> Text:
    words = headline(verdict_from_json(verdict))
    if not verdict["sure"]:
        return Text(words, style="italic")
    return Text(words, style="bold " + COLOURS[verdict["modality"]] if verdict["is_medical"] else "bright_black")


def _how_sure(verdict: Mapping[str, Any]) -> Text:
    """A bar with its percentage, or words: no number beside an answer that is not sure, nor beside a person's."""
    if verdict.get("corrected"):
        return Text("labelled by you", style="bright_black")
    if not verdict["sure"]:
        return Text("not sure", style="italic bright_black")
    return _bar(verdict["confidence"], COLOURS[verdict["modality"]])


def _notes(image: Mapping[str, Any]) -> Text:
    verdict, notes = image["verdict"], []
    if not verdict["agree"] and not verdict.get("corrected"):
        notes.append("models disagree")
    if image["panels"]:
        notes.append(f"{len(image['panels'])} panels")
    if tag := next((place["tag"] for place in image["places"] if place.get("tag")), None):
        notes.append(f"DICOM says {plain(tag, 8)}")
    if len(image["places"]) > 1:
        notes.append(f"{len(image['places'])} places")
    return Text(", ".join(notes), style="bright_black")


def _table(report: Mapping[str, Any], width: int) -> Table:
    """On a narrow terminal names give way first, then notes go below the answer; what medlens says is never cut."""
    answers = min(ANSWER_CELLS, max(cell_len(_answer(image["verdict"]).plain) for image in report["images"]))
    noted = any(image["near_duplicate_of"] or _notes(image).plain for image in report["images"])
    others = PIXEL_CELLS + answers + SURE_CELLS + NOTE_CELLS * noted + 6 * BETWEEN
    below = noted and width < LEAST_NAME_CELLS + others
    if below:
        answers, noted = max(answers, NOTE_CELLS), False
        others = PIXEL_CELLS + answers + SURE_CELLS + 5 * BETWEEN
    table = Table(box=None, pad_edge=False, padding=(0, BETWEEN, 0, 0), header_style="bright_black", expand=False)
    name_cells = max(LEAST_NAME_CELLS, min(NAME_CELLS, width - others))
    table.add_column("image", max_width=name_cells, overflow="ellipsis", no_wrap=True)
    table.add_column("pixels", justify="right", no_wrap=True, min_width=PIXEL_CELLS)
    table.add_column("shows", overflow="fold", min_width=answers, max_width=answers)
    table.add_column("how sure", no_wrap=True, min_width=SURE_CELLS)
    if not below:
        table.add_column("", overflow="fold")
    one_file = report["source"]["kind"] == "pdf"
    copies: dict[str, int] = {}
    for image in report["images"]:
        if original := image["near_duplicate_of"]:
            copies[original] = copies.get(original, 0) + 1
    for image in report["images"]:
        if image["near_duplicate_of"]:
            continue
        notes = _notes(image)
        if more := copies.get(image["sha256"]):
            copied = Text(f"+{more} near duplicate{'s' * (more > 1)}", style="bright_black")
            notes = Text(", ", style="bright_black").join(part for part in (copied, notes) if part.plain)
        verdict = image["verdict"]
        size = f"{image['width']}×{image['height']}"
        name, bar = Text(image_name(image, name_cells, one_file=one_file)), _how_sure(verdict)
        if below:
            said = Text("\n").join(part for part in (_answer(verdict), notes) if part.plain)
            table.add_row(name, size, said, bar)
        else:
            table.add_row(name, size, _answer(verdict), bar, notes)
    return table


def _sum(report: Mapping[str, Any]) -> Text:
    counts = report["counts"]
    images = counts["unique"]
    parts = [f"{images} image{'s' * (images != 1)}", f"{counts['medical']} medical"]
    if counts["uncertain"]:
        parts.append(f"{counts['uncertain']} not sure")
    if counts["cached"]:
        parts.append(f"{counts['cached']} remembered")
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
    if report["status"] != "failed" or report["images"]:
        body.append(_sum(report))
    return Group(*body)


def show(report: Mapping[str, Any], console: Console) -> None:
    console.print(render(report, console.width), highlight=False)
    console.print()
