"""A chart: the rows of its table, for people and for CSV, and the Vega-Lite specification that draws it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from server.charts.looks import PALETTES
from server.contract.modalities import MODALITIES, Modality, Theme

Row: TypeAlias = tuple[Any, ...]
Spec: TypeAlias = dict[str, Any]
HEIGHT = 220  # pixels, unless a chart needs more


@dataclass(frozen=True, slots=True)
class ChartTexts:
    """The words of charts in one language: titles and notes of charts in the page's order; names of columns, stages, modalities."""

    charts: Mapping[str, tuple[str, str]]
    columns: Mapping[str, str]
    stages: Mapping[str, str]
    modalities: Mapping[Modality, str]

    def headings(self, *names: str) -> tuple[str, ...]:
        """The columns of these names."""
        return tuple(self.columns[name] for name in names)


@dataclass(frozen=True, slots=True)
class Chart:
    """`columns` name the cells of each row, for people; those in `share` hold shares of 1. `draw` gives the chart's own part of the
    specification; looks.framed puts the rest around it."""

    name: str
    texts: ChartTexts
    columns: tuple[str, ...]
    rows: Sequence[Row]
    draw: Callable[[Theme], Spec]
    share: tuple[str, ...] = ()
    height: int = HEIGHT

    @property
    def title(self) -> str:
        return self.texts.charts[self.name][0]

    @property
    def note(self) -> str:
        return self.texts.charts[self.name][1]

    @property
    def empty(self) -> bool:
        return not any(isinstance(cell, int | float) and cell for row in self.rows for cell in row)


def values(rows: Sequence[Row]) -> Spec:
    """Rows as data, cell i under `fi`: Vega reads dots and brackets in a field's name as a path."""
    return {"values": [{f"f{i}": str(cell) if isinstance(cell, date) else cell for i, cell in enumerate(row)} for row in rows]}


def amounts(field: str, **axis: Any) -> Spec:
    """An axis of whole numbers."""
    return {
        "field": field,
        "type": "quantitative",
        "title": None,
        "axis": {"tickMinStep": 1, "tickCount": 4, "format": "~s", **axis},
    }


def names(field: str, title: str | None = None, **axis: Any) -> Spec:
    """An axis of names, in the order of the rows."""
    return {"field": field, "type": "nominal", "sort": None, "title": title, "axis": {"ticks": False, "domain": False, **axis}}


def colours(field: str, domain: Sequence[str], palette: Sequence[str], *, legend: bool = True) -> Spec:
    scale: Spec = {"field": field, "type": "nominal", "scale": {"domain": list(domain), "range": list(palette)}}
    return scale if legend else scale | {"legend": None}


def modality_colours(field: str, texts: ChartTexts, theme: Theme, *, legend: bool = True) -> Spec:
    return colours(field, [texts.modalities[name] for name in MODALITIES], PALETTES[theme].modalities, legend=legend)
