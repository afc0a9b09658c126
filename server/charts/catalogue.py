"""Every chart of the statistics page by its name: those over time, and the ones here, which cover the whole period."""

from __future__ import annotations

from collections.abc import Sequence

from server.charts.chart import Chart, ChartTexts, Row, Spec, amounts, colours, modality_colours, names, values
from server.charts.looks import PALETTES
from server.charts.over_time import over_time
from server.contract.modalities import MODALITIES, Theme
from server.store.correction_stats import CorrectionStats
from server.store.stats import Figure, Stats

BAR = {"type": "bar", "cornerRadiusEnd": 2}


def charts(stats: Stats, texts: ChartTexts) -> dict[str, Chart]:
    """In the order of the page."""
    scans, images, rates = over_time(stats.days, texts)
    whole = _shares(stats.total, texts), _confidence(stats.confidence, texts), rates, _stages(stats, texts)
    every = (scans, images, *whole, _answers(stats.corrections, texts), _confusion(stats.corrections, texts))
    return {chart.name: chart for chart in every}


def _shares(total: Figure, texts: ChartTexts) -> Chart:
    rows = [(texts.modalities[name], n, round(n / max(1, total.unique), 4)) for name, n in total.by_modality.items()]
    room = max((row[2] for row in rows), default=0) * 1.4 or 1  # for the words behind the longest bar

    def draw(theme: Theme) -> Spec:
        x = {"field": "f2", "type": "quantitative", "title": None, "axis": None, "scale": {"domain": [0, room]}}
        words = {"text": {"field": "f2", "type": "quantitative", "format": ".1%"}}
        return {
            "data": values(rows),
            "encoding": {"y": names("f0"), "x": x},
            "layer": [
                {"mark": BAR, "encoding": {"color": modality_colours("f0", texts, theme, legend=False)}},
                {"mark": {"type": "text", "align": "left", "dx": 6}, "encoding": words},
            ],
        }

    return Chart("shares", texts, texts.headings("modality", "images", "share"), rows, draw, share=texts.headings("share"))


def _confidence(bins: Sequence[int], texts: ChartTexts) -> Chart:
    rows = [(f"{i * 10}–{i * 10 + 10} %", n) for i, n in enumerate(bins)]

    def draw(_: Theme) -> Spec:
        x = names("f0", labelAngle=-45, labelOverlap=False, labelExpr="split(datum.label, ' ')[0]")
        return {"data": values(rows), "mark": BAR, "encoding": {"x": x, "y": amounts("f1")}}

    return Chart("confidence", texts, texts.headings("confidence", "images"), rows, draw)


def _stages(stats: Stats, texts: ChartTexts) -> Chart:
    rows: list[Row] = [
        (texts.stages[name], round(stats.stages_ms[name][0]), round(stats.stages_ms[name][1]))
        for name in texts.stages
        if name in stats.stages_ms
    ]

    def draw(theme: Theme) -> Spec:
        words = "datum.value >= 1000 ? datum.value / 1000 + ' s' : datum.value + ' ms'"
        mark = {"type": "tick", "thickness": 3, "size": 18, "color": PALETTES[theme].second}
        return {
            "data": values(rows),
            "encoding": {"y": names("f0")},
            "layer": [
                {"mark": BAR, "encoding": {"x": amounts("f1", labelExpr=words)}},
                {"mark": mark, "encoding": {"x": {"field": "f2", "type": "quantitative"}}},
            ],
        }

    return Chart("stages", texts, texts.headings("stage", "p50", "p95"), rows, draw)


def _answers(corrections: CorrectionStats, texts: ChartTexts) -> Chart:
    rows: list[Row] = []
    for name in MODALITIES:
        reviewed, right = corrections.of_verdict(name)
        rows.append((texts.modalities[name], reviewed, right, round(right / reviewed, 4) if reviewed else 0.0))
    kinds = texts.headings("right", "wrong")
    each = [(name, kinds[i], n, i) for name, reviewed, right, _ in rows for i, n in enumerate((right, reviewed - right))]

    def draw(theme: Theme) -> Spec:
        colour = colours("f1", kinds, [PALETTES[theme].accent, PALETTES[theme].second])
        encoding = {"y": names("f0"), "x": amounts("f2"), "color": colour, "order": {"field": "f3"}}
        return {"data": values(each), "mark": "bar", "encoding": encoding}

    return Chart(
        "answers",
        texts,
        texts.headings("modality", "reviewed", "right", "share"),
        rows,
        draw,
        share=texts.headings("share"),
        height=280,
    )


def _confusion(corrections: CorrectionStats, texts: ChartTexts) -> Chart:
    table = corrections.confusion()
    rows: list[Row] = [(texts.modalities[model], *(table[model][person] for person in MODALITIES)) for model in MODALITIES]
    each = [
        (texts.modalities[model], texts.modalities[person], table[model][person]) for model in MODALITIES for person in MODALITIES
    ]
    most = max(row[2] for row in each) or 1

    def draw(theme: Theme) -> Spec:
        look = PALETTES[theme]
        x, y = names("f1", texts.columns["person"], labelAngle=-35), names("f0", texts.columns["model"])
        scale = {"domain": [0, most], "range": [look.line, look.accent]}
        colour = {"field": "f2", "type": "quantitative", "legend": None, "scale": scale}
        ink = {"condition": {"test": f"datum.f2 > {most / 2}", "value": look.surface}, "value": look.ink}
        return {
            "data": values(each),
            "encoding": {"x": x, "y": y},
            "layer": [
                {"mark": {"type": "rect", "stroke": look.surface, "strokeWidth": 2}, "encoding": {"color": colour}},
                {"mark": "text", "encoding": {"text": {"field": "f2"}, "color": ink}},
            ],
        }

    first = f"{texts.columns['model']} / {texts.columns['person']}"
    return Chart("confusion", texts, (first, *(texts.modalities[name] for name in MODALITIES)), rows, draw, height=280)
