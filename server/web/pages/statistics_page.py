"""The statistics page, each of its charts as an image, and the table of each chart as CSV."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Literal, TypeAlias

from aiohttp import web
from pydantic import Field

from server.charts.catalogue import charts
from server.charts.chart import Chart
from server.charts.looks import Width, framed
from server.charts.press import Form
from server.contract.csv_table import csv_text
from server.contract.errors import NotFound, ReaderFailed, TimedOut
from server.contract.modalities import Theme
from server.store import stats
from server.store.stats import Figure, Stats
from server.web.http.attachment import CSV, named
from server.web.http.keys import CHARTS, DATABASE
from server.web.http.operation import HTML, Answer, Operation, Shape, operation, query_of
from server.web.http.page import page
from server.web.texts.catalogue import current, texts

Days: TypeAlias = Literal["7", "30", "90", "365", "0"]
SPAN: Days = "90"  # the default
ROWS = 60  # of a chart's table on the page; its CSV has all
SVG, PNG = "image/svg+xml", "image/png"
# A chart changes with every scan; a minute in the browser's cache spares drawing it again on the way back.
BRIEFLY = "private, max-age=60"


class StatisticsQuery(Shape):
    days: Days = Field(SPAN, description="how far back, today included; 0 is all time")

    def since(self, now: datetime) -> datetime | None:
        """The first moment shown: midnight UTC, so that whole days are counted."""
        if self.days == "0":
            return None
        return datetime.combine(now.date(), time(), UTC) - timedelta(days=int(self.days) - 1)


class ChartQuery(StatisticsQuery):
    theme: Theme = Field("light", description="colours")
    width: Width = Field("wide", description="narrow for a phone")


async def _statistics(request: web.Request, query: StatisticsQuery) -> Stats:
    return await stats.figures(request.app[DATABASE], query.since(datetime.now(UTC)))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _headline(total: Figure, found: Stats) -> list[tuple[str, int, float | None]]:
    """Name, count, and share of what it is a part of."""
    corrections = found.corrections
    return [
        (texts().kpi_scans, total.scans, None),
        (texts().kpi_images, total.unique, None),
        (texts().kpi_medical, total.medical, _share(total.medical, total.unique)),
        (texts().kpi_cached, total.cached, _share(total.cached, total.unique)),
        (texts().kpi_uncertain, total.uncertain, _share(total.uncertain, total.unique)),
        (texts().kpi_disagreeing, total.disagreeing, _share(total.disagreeing, total.unique)),
        (texts().kpi_reviewed, corrections.images, None),
        (texts().kpi_right, corrections.confirmed, _share(corrections.confirmed, corrections.images)),
    ]


@operation(
    Operation(
        summary="Statistics over time, as charts and tables",
        tag="pages",
        access="page",
        query=StatisticsQuery,
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def statistics_page(request: web.Request) -> web.StreamResponse:
    query = query_of(request, StatisticsQuery)
    found = await _statistics(request, query)
    return page(
        request,
        "statistics.html",
        days=query.days,
        empty=not found.total.scans and not found.corrections.images,
        headline=_headline(found.total, found),
        charts=[chart for chart in charts(found, current().charts).values() if not chart.empty],
        rows=ROWS,
    )


async def _chart(request: web.Request, query: StatisticsQuery) -> Chart:
    chart = charts(await _statistics(request, query), current().charts).get(request.match_info["chart"])
    if chart is None:
        raise NotFound("there is no such chart")
    return chart


@operation(
    Operation(
        summary="One chart as an image",
        tag="history",
        access="caller",
        rate="read",
        query=ChartQuery,
        answers={200: Answer("SVG", content_type=SVG)},
        problems=(NotFound, TimedOut, ReaderFailed),
    )
)
async def chart_svg(request: web.Request) -> web.StreamResponse:
    return await _image(request, "svg", SVG, alone=False)


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
    return await _image(request, "png", PNG, alone=True)


async def _image(request: web.Request, form: Form, content_type: str, *, alone: bool) -> web.Response:
    """The chart as an image; `alone`: for use outside the page, with its title and a background."""
    query = query_of(request, ChartQuery)
    chart = await _chart(request, query)
    title = {"title": chart.title} if alone else {}
    spec = framed(title | chart.draw(query.theme), query.theme, query.width, opaque=alone, height=chart.height)
    body = await request.app[CHARTS].draw(spec, form)
    return web.Response(body=body, content_type=content_type, headers={"Cache-Control": BRIEFLY})


@operation(
    Operation(
        summary="One chart's table",
        tag="history",
        access="caller",
        rate="read",
        query=StatisticsQuery,
        answers={200: Answer("its columns, a row each", content_type=CSV)},
    )
)
async def chart_csv(request: web.Request) -> web.StreamResponse:
    chart = await _chart(request, query_of(request, StatisticsQuery))
    text = csv_text([chart.columns, *chart.rows])
    headers = named(f"medlens-{chart.name}.csv") | {"Cache-Control": "no-store"}
    return web.Response(text=text, content_type=CSV, charset="utf-8", headers=headers)


@operation(
    Operation(
        summary="The earlier address of the statistics page",
        tag="pages",
        access="page",
        answers={301: Answer("moved to /statistics", content_type=None)},
    )
)
async def old_address(request: web.Request) -> web.StreamResponse:
    raise web.HTTPMovedPermanently(request.rel_url.with_path("/statistics", keep_query=True))
