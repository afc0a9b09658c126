"""Charts over time: scans, images by modality, shares. Long spans of days are summed by weeks, then by months."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from server.charts.chart import Chart, ChartTexts, Row, Spec, amounts, colours, modality_colours, values
from server.charts.looks import PALETTES
from server.contract.modalities import MODALITIES, Theme
from server.store.stats import Figure

# More bars do not fit a phone: longer spans are shown by weeks, then by months.
MOST_DAYS, MOST_WEEKS = 62, 7 * 62
WEEK = timedelta(days=7)
RATES = ("cached", "uncertain", "disagreeing")
_COUNTS = ("scans", "found", "unique", "medical", "uncertain", "disagreeing", "corrected", "cached")


def over_time(days: Mapping[date, Figure], texts: ChartTexts) -> tuple[Chart, ...]:
    periods = by_period(days)
    return _scans(periods, texts), _images(periods, texts), _rates(periods, texts)


def by_period(days: Mapping[date, Figure]) -> dict[date, Figure]:
    """Each day, week (from Monday) or month from the first to the last, by its first day; periods without a scan are included."""
    found: dict[date, list[Figure]] = {period: [] for period in _periods(sorted(days))}
    begins = list(found)
    for day, figure in days.items():
        found[begins[bisect_right(begins, day) - 1]].append(figure)
    return {period: _sum(figures) for period, figures in found.items()}


def _periods(days: Sequence[date]) -> Iterator[date]:
    if not days:
        return
    span = (days[-1] - days[0]).days
    at = days[0]
    if span > MOST_DAYS:
        at = at - timedelta(days=at.weekday()) if span <= MOST_WEEKS else at.replace(day=1)
    while at <= days[-1]:
        yield at
        if span > MOST_WEEKS:
            at = (at + timedelta(days=31)).replace(day=1)
        else:
            at += WEEK if span > MOST_DAYS else timedelta(days=1)


def _sum(figures: Sequence[Figure]) -> Figure:
    counts = {name: sum(getattr(one, name) for one in figures) for name in _COUNTS}
    return Figure(**counts, by_modality={name: sum(one.by_modality[name] for one in figures) for name in MODALITIES})


def _period() -> Spec:
    words = {"labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": 12, "labelBound": True, "ticks": False}
    return {"field": "f0", "type": "ordinal", "title": None, "axis": words}


def _scans(periods: Mapping[date, Figure], texts: ChartTexts) -> Chart:
    rows = [(period, figure.scans) for period, figure in periods.items()]

    def draw(_: Theme) -> Spec:
        return {
            "data": values(rows),
            "mark": {"type": "bar", "cornerRadiusEnd": 2},
            "encoding": {"x": _period(), "y": amounts("f1")},
        }

    return Chart("scans", texts, texts.headings("period", "scans"), rows, draw)


def _images(periods: Mapping[date, Figure], texts: ChartTexts) -> Chart:
    rows: list[Row] = [(period, *(figure.by_modality[name] for name in MODALITIES)) for period, figure in periods.items()]
    each = [(row[0], texts.modalities[name], row[i + 1], i) for row in rows for i, name in enumerate(MODALITIES)]

    def draw(theme: Theme) -> Spec:
        encoding = {"x": _period(), "y": amounts("f2"), "color": modality_colours("f1", texts, theme), "order": {"field": "f3"}}
        return {"data": values(each), "mark": "bar", "encoding": encoding}

    return Chart(
        "images", texts, (texts.columns["period"], *(texts.modalities[name] for name in MODALITIES)), rows, draw, height=260
    )


def _rates(periods: Mapping[date, Figure], texts: ChartTexts) -> Chart:
    met = {period: figure for period, figure in periods.items() if figure.unique}
    rows: list[Row] = [
        (period, *(round(getattr(figure, name) / figure.unique, 4) for name in RATES)) for period, figure in met.items()
    ]
    each = [(row[0], texts.columns[name], row[i + 1]) for row in rows for i, name in enumerate(RATES)]
    headings = texts.headings(*RATES)

    def draw(theme: Theme) -> Spec:
        look = PALETTES[theme]
        share = amounts("f2", format="%", tickMinStep=0.01)
        lines = colours("f1", headings, [look.accent, look.second, look.third])
        dashes = {"field": "f1", "type": "nominal", "sort": list(headings), "legend": None}  # distinguishable without colours, too
        encoding = {"x": _period(), "y": share, "color": lines, "strokeDash": dashes}
        return {"data": values(each), "mark": {"type": "line", "point": {"size": 26}, "strokeWidth": 2}, "encoding": encoding}

    return Chart("rates", texts, (texts.columns["period"], *headings), rows, draw, share=headings, height=260)
