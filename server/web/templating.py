"""The templates' environment (Jinja2) with its filters: everything is escaped, and a name that is missing is an error."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from server.contract.modalities import MODALITY_KEYS, MODALITY_NAMES
from server.contract.percent import percent
from server.contract.verdict import Context
from server.contract.words import MEMBER_NAMES
from server.web.texts.catalogue import ENGLISH, TEXTS

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"

# The navigation bar: path, icon (templates/icons.html) and name (names.nav of the texts), and the key that follows `g`.
NAVIGATION = (
    {"path": "/", "icon": "history", "key": "h"},
    {"path": "/new", "icon": "new", "key": "n"},
    {"path": "/review", "icon": "review", "key": "r"},
    {"path": "/statistics", "icon": "statistics", "key": "t"},
    {"path": "/corrections", "icon": "corrections", "key": "c"},
    {"path": "/settings", "icon": "settings", "key": "s"},
)

MINUTE, HOUR, DAY = 60, 3600, 86400


def ago(moment: datetime, now: datetime | None = None) -> str:
    """`moment` as an age: "just now", "5 min ago", "3 h ago", "2 d ago", and from a month on its date."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < MINUTE:
        return "just now"
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min ago"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h ago"
    if seconds < 30 * DAY:
        return f"{int(seconds // DAY)} d ago"
    return moment.date().isoformat()


def when(moment: datetime) -> str:
    """To the minute, with its zone: "2026-03-01 14:05 UTC"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def host(address: str | None) -> str:
    """The host of an address; empty when it has none."""
    try:
        return urlsplit(address or "").hostname or ""
    except ValueError:
        return ""


def seconds(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def thousands(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")


def data_size(number: int) -> str:
    """In steps of 1,000: "512 B", "1.5 MB"."""
    size, units = float(number), ["B", "kB", "MB", "GB", "TB"]
    while size >= 1000 and len(units) > 1:
        size, units = size / 1000, units[1:]
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def code(text: str) -> Markup:
    """`text`, escaped, with text between backticks shown as code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))


def context_text(context: Context) -> str:
    """Which text names which modality, for example "The caption says CT"."""
    return str(TEXTS.context_says).format(where=ENGLISH.names["context"][context.source], what=MODALITY_NAMES[context.modality])


def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals |= {
        "t": ENGLISH.pages,
        "script_texts": ENGLISH.scripts,
        "modality_names": MODALITY_NAMES,
        "modality_keys": MODALITY_KEYS,
        "member_names": MEMBER_NAMES,
        "status_names": ENGLISH.names["status"],
        "kind_names": ENGLISH.names["kind"],
        "context_text": context_text,
        "nav_names": ENGLISH.names["nav"],
        "span_names": ENGLISH.names["span"],
        "navigation": NAVIGATION,
    }
    filters = (
        ago,
        when,
        percent,
        host,
        seconds,
        thousands,
        data_size,
        code,
    )
    made.filters |= {one.__name__: one for one in filters}
    return made


ENVIRONMENT = environment()
