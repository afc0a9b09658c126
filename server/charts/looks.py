"""How charts look: colours of both themes, type, lines. A test compares the colours with static/css/tokens.css."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from server.contract.modalities import Theme, colours

Width: TypeAlias = Literal["wide", "narrow"]
FONT = "system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, DejaVu Sans, sans-serif"
# Pixels of the drawing itself: half of a wide page, and a phone.
WIDTHS: Mapping[Width, int] = {"wide": 520, "narrow": 262}
HEIGHT = 220


@dataclass(frozen=True, slots=True)
class Palette:
    surface: str
    line: str
    ink: str
    muted: str
    accent: str
    second: str
    third: str
    modalities: Sequence[str]  # in the order of MODALITIES


PALETTES: Mapping[Theme, Palette] = {
    "light": Palette(
        "#fff", "#d5dcdf", "#10202b", "#4c5c66", "#0b6670", "#bf6412", "#b8336f", colours("light"),
    ),
    "dark": Palette(
        "#141d23", "#26333b", "#e8eff3", "#a3b3bc", "#6bd2d8", "#e79a4e", "#e8749f", colours("dark"),
    ),
}  # fmt: skip


def framed(chart: Mapping[str, Any], theme: Theme, width: Width, *, opaque: bool, height: int = HEIGHT) -> dict[str, Any]:
    """The specification of a chart, from its own part (mark, encoding or layers, data). `opaque`: for use outside the page."""
    look = PALETTES[theme]
    axis = {
        "labelColor": look.muted, "titleColor": look.muted, "gridColor": look.line, "domainColor": look.line,
        "tickColor": look.line,
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 120, "labelPadding": 6,
    }  # fmt: skip
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": look.surface if opaque else None,
        "width": WIDTHS[width],
        "height": height,
        "padding": 12 if opaque else 4,
        "autosize": {"type": "fit", "contains": "padding"},
        "config": {
            "font": FONT,
            "view": {"stroke": None},
            "axis": axis,
            "axisX": {"grid": False},
            "legend": {
                "labelColor": look.ink, "labelFontSize": 12, "title": None, "orient": "bottom", "symbolType": "circle",
                "columns": 3 if width == "wide" else 2,
            },
            "title": {"color": look.ink, "fontSize": 15, "anchor": "start", "offset": 12},
            "bar": {"color": look.accent},
            "text": {"color": look.ink, "fontSize": 12},
        },
        **chart,
    }  # fmt: skip
