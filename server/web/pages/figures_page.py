"""The figures page, each of its charts as a picture, and each chart's table as CSV. charts.py knows what they show."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal, TypeAlias

from aiohttp import web
from pydantic import Field

from server.charts.catalogue import charts
from server.charts.chart import Chart
from server.charts.looks import Width, framed
from server.contract.csv_table import csv_text
from server.contract.errors import NotFound, ReaderFailed, TimedOut
from server.contract.modalities import Theme
from server.store import stats
from server.store.stats import Figure, Stats
from server.web.http.attachment import CSV, named
from server.web.http.keys import CHARTS, DATABASE
from server.web.http.operation import HTML, Answer, Operation, Shape, operation, query_of
from server.web.http.page import page
from server.web.texts.catalogue import ENGLISH, TEXTS

Days: TypeAlias = Literal["7", "30", "90", "365", "0"]
SPAN: Days = "90"  # shown when nothing else is asked for
ROWS = 60  # of a chart's table on the page; its CSV has all
SVG, PNG = "image/svg+xml", "image/png"
# A chart is drawn again when its figures change; a minute of the same one spares the page's way back.
BRIEFLY = "private, max-age=60"


class FiguresQuery(Shape):
    days: Days = Field(SPAN, description="how far back, today included; 0 is all time")

    def since(self, now: datetime) -> datetime | None:
        """The first moment shown: midnight UTC, so that whole days are counted."""
        if self.days == "0":
            return None
        return datetime.combine(now.date(), time(), UTC) - timedelta(days=int(self.days) - 1)


class ChartQuery(FiguresQuery):
    theme: Theme = Field("light", description="colours")
    width: Width = Field("wide", description="narrow for a phone")


async def _figures(request: web.Request, query: FiguresQuery) -> Stats:
    return await stats.figures(request.app[DATABASE], query.since(datetime.now(UTC)))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _headline(total: Figure, found: Stats) -> list[tuple[str, int, float | None]]:
    """Name, count, and share of what it is a part of."""
    said = found.corrections
    return [
        (TEXTS.kpi_scans, total.scans, None),
        (TEXTS.kpi_images, total.unique, None),
        (TEXTS.kpi_medical, total.medical, _share(total.medical, total.unique)),
        (TEXTS.kpi_cached, total.cached, _share(total.cached, total.unique)),
        (TEXTS.kpi_uncertain, total.uncertain, _share(total.uncertain, total.unique)),
        (TEXTS.kpi_disagreeing, total.disagreeing, _share(total.disagreeing, total.unique)),
        (TEXTS.kpi_reviewed, said.images, None),
        (TEXTS.kpi_right, said.confirmed, _share(said.confirmed, said.images)),
    ]


@operation(
    Operation(
        summary="Figures over time, as charts and tables",
        tag="pages",
        access="page",
        query=FiguresQuery,
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def figures_page(request: web.Request) -> web.StreamResponse:
    query = query_of(request, FiguresQuery)
    found = await _figures(request, query)
    return page(
        request,
        "figures.html",
        days=query.days,
        empty=not found.total.scans and not found.corrections.images,
        headline=_headline(found.total, found),
        charts=[chart for chart in charts(found, ENGLISH.charts).values() if not chart.empty],
        rows=ROWS,
    )


async def _chart(request: web.Request, query: FiguresQuery) -> Chart:
    chart = charts(await _figures(request, query), ENGLISH.charts).get(request.match_info["chart"])
    if chart is None:
        raise NotFound("there is no such chart")
    return chart


@operation(
    Operation(
        summary="One chart as a picture",
        tag="history",
        access="caller",
        rate="read",
        query=ChartQuery,
        answers={200: Answer("SVG", content_type=SVG)},
        problems=(NotFound, TimedOut, ReaderFailed),
    )
)
async def chart_svg(request: web.Request) -> web.StreamResponse:
    query = query_of(request, ChartQuery)
    chart = await _chart(request, query)
    spec = framed(chart.draw(query.theme), query.theme, query.width, opaque=False, height=chart.height)
    return _picture(await request.app[CHARTS].draw(spec, "svg"), SVG)


@operation(
    Operation(
        summary="The same as PNG, with its title",
        tag="history",
        access="caller",
        rate="read",
        query=ChartQuery,
        answers={200: Answer("PNG", content_type=PNG)},
        problems=(NotFound, TimedOut, ReaderFailed),
    )
)
async def chart_png(request: web.Request) -> web.StreamResponse:
    query = query_of(request, ChartQuery)
    chart = await _chart(request, query)
    spec = framed({"title": chart.title, **chart.draw(query.theme)}, query.theme, query.width, opaque=True, height=chart.height)
    return _picture(await request.app[CHARTS].draw(spec, "png"), PNG)


def _picture(body: bytes, content_type: str) -> web.Response:
    return web.Response(body=body, content_type=content_type, headers={"Cache-Control": BRIEFLY})


@operation(
    Operation(
        summary="One chart's table",
        tag="history",
        access="caller",
        rate="read",
        query=FiguresQuery,
        answers={200: Answer("its columns, a row each", content_type=CSV)},
    )
)
async def chart_csv(request: web.Request) -> web.StreamResponse:
    chart = await _chart(request, query_of(request, FiguresQuery))
    text = csv_text([chart.columns, *chart.rows])
    headers = named(f"medlens-{chart.name}.csv") | {"Cache-Control": "no-store"}
    return web.Response(text=text, content_type=CSV, charset="utf-8", headers=headers)
