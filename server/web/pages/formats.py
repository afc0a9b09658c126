"""How times, shares and addresses are written for people. No state, no texts of its own but units."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit

from markupsafe import Markup, escape

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
    """`text`, escaped, with what stands between backticks shown as code."""
    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else part for place, part in enumerate(parts))
