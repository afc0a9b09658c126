"""The templates' environment (Jinja2) with its filters: everything is escaped, and a name that is missing is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from server.contract import percent as percents
from server.contract.modalities import MODALITY_KEYS
from server.contract.verdict import Context
from server.contract.words import MEMBER_NAMES
from server.store.collection_items import MAX_ADDED
from server.store.named_sets import NAME_CHARS, NOTE_CHARS
from server.web.texts.catalogue import CATALOGUES, Catalogue, current, texts

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"

# What fields and scripts may send: characters of a name and a note, items added to a collection in one request.
LIMITS = {"name": NAME_CHARS, "note": NOTE_CHARS, "added": MAX_ADDED}
# The navigation bar: path, icon (templates/icons.html) and name (names.nav of the texts), and the key that follows `g`.
NAVIGATION = (
    {"path": "/", "icon": "history", "key": "h"},
    {"path": "/new", "icon": "new", "key": "n"},
    {"path": "/collections", "icon": "collections", "key": "o"},
    {"path": "/review", "icon": "review", "key": "r"},
    {"path": "/statistics", "icon": "statistics", "key": "t"},
    {"path": "/corrections", "icon": "corrections", "key": "c"},
    {"path": "/settings", "icon": "settings", "key": "s"},
)

MINUTE, HOUR, DAY = 60, 3600, 86400


def ago(moment: datetime, now: datetime | None = None) -> str:
    """`moment` as an age, in the request's language: "just now", "5 min ago", "3 h ago", "2 d ago", from a month on its date."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < MINUTE:
        return str(texts().just_now)
    if seconds < HOUR:
        return str(texts().minutes_ago).format(n=int(seconds // MINUTE))
    if seconds < DAY:
        return str(texts().hours_ago).format(n=int(seconds // HOUR))
    if seconds < 30 * DAY:
        return str(texts().days_ago).format(n=int(seconds // DAY))
    return moment.date().isoformat()


def when(moment: datetime) -> str:
    """To the minute, with its zone: "2026-03-01 14:05 UTC". static/time.js shows the browser's time instead."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def host(address: str | None) -> str:
    """The host of an address; empty when it has none."""
    try:
        return urlsplit(address or "").hostname or ""
    except ValueError:
        return ""


def decimal(number: str) -> str:
    """A formatted number with the decimal mark of the request's language."""
    return number.replace(".", current().decimal)


def percent(share: float, digits: int = 0) -> str:
    return decimal(percents.percent(share, digits))


def seconds(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else decimal(f"{milliseconds / 1000:.1f} s")


def thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def data_size(number: int) -> str:
    """In steps of 1,000: "512 B", "1.5 MB"."""
    size, units = float(number), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} B" if units[0] == "B" else decimal(f"{size:.1f} {units[0]}")


def code(text: str) -> Markup:
    """`text`, escaped, with text between backticks shown as code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


def context_text(context: Context) -> str:
    """Which text names which modality, for example "The caption says CT"."""
    words = current()
    where, what = words.names["context"][context.source], words.modality_names[context.modality]
    return str(texts().context_says).format(where=where, what=what)


def environment(words: Catalogue) -> Environment:
    """The templates in one language."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals |= {
        "t": words.pages,
        "limits": LIMITS,
        "language": words,
        "script_texts": words.scripts,
        "modality_names": words.modality_names,
        "modality_keys": MODALITY_KEYS,
        "member_names": MEMBER_NAMES,
        "status_names": words.names["status"],
        "kind_names": words.names["kind"],
        "sort_names": words.names["sort"],
        "context_text": context_text,
        "problem_names": words.names["problem"],
        "nav_names": words.names["nav"],
        "span_names": words.names["span"],
        "navigation": NAVIGATION,
    }
    filters = (
        ago,
        when,
        percent,
        decimal,
        host,
        seconds,
        thousands,
        data_size,
        code,
    )
    made.filters |= {one.__name__: one for one in filters}
    return made


ENVIRONMENTS = {language: environment(words) for language, words in CATALOGUES.items()}
