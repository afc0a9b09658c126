"""The history over HTTP: pages, filters, lookup, statistics and exports."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from server.contract.csv_table import FORMULA
from server.contract.modalities import MODALITIES
from server.store.database import Database
from server.store.export import Exported
from server.web.api.answers import HistoryPage, StatsShape
from server.web.api.exports import COLUMNS, csv_row
from server.web.api.report_shapes import ReportShape
from server.web.api.shapes import MAX_PAGE, MAX_SEARCH
from tests.judged import judged
from tests.web.conftest import Client, scanned


async def titles(client: Client, query: str) -> list[str | None]:
    answer = await client.get(f"/api/scans?{query}")
    assert answer.status == 200, await answer.text()
    return [scan.source.title for scan in HistoryPage.model_validate_json(await answer.text()).scans]


async def test_pages_follow_each_other_without_gaps_or_repeats(client: Client, kept: Database) -> None:
    for number in range(7):
        await scanned(kept, title=f"Page {number}")
    seen: list[str | None] = []
    cursor = ""
    while True:
        answer = await client.get(f"/api/scans?limit=3&cursor={cursor}")
        page = HistoryPage.model_validate_json(await answer.text())
        seen += [scan.source.title for scan in page.scans]
        await scanned(kept, title="new ones do not shift the pages")
        if not (cursor := page.next or ""):
            break
    assert seen == [f"Page {number}" for number in reversed(range(7))]


async def test_each_filter_narrows(client: Client, kept: Database) -> None:
    await scanned(kept, judged("a", "ct", uncertain=True), title="Lungs", url="https://chest.example.org/lungs")
    await scanned(kept, judged("b", "mri", agree=False), title="Knee", status="partial")
    await scanned(kept, judged("c", "non_medical"), title="Dog", kind="pdf", status="failed")
    assert await titles(client, "") == ["Dog", "Knee", "Lungs"]
    assert await titles(client, "modality=mri") == ["Knee"]
    assert await titles(client, "status=failed") == ["Dog"]
    assert await titles(client, "kind=pdf") == ["Dog"]
    assert await titles(client, "q=chest.example") == ["Lungs"]
    assert await titles(client, "q=knee&modality=mri") == ["Knee"]
    assert await titles(client, "uncertain=true") == ["Lungs"]
    assert await titles(client, "disagreeing=true") == ["Knee"]
    assert await titles(client, "corrected=true") == []
    hour = timedelta(hours=1)
    soon, before = datetime.now(UTC) + hour, datetime.now(UTC) - hour
    assert await titles(client, f"from={before:%Y-%m-%dT%H:%M:%SZ}&to={soon:%Y-%m-%dT%H:%M:%S}") == ["Dog", "Knee", "Lungs"]
    assert await titles(client, f"from={soon:%Y-%m-%dT%H:%M:%SZ}") == []
    assert await titles(client, f"to={before:%Y-%m-%d}") == []
    assert await titles(client, "q=&modality=") == ["Dog", "Knee", "Lungs"]  # a form's empty fields


@pytest.mark.parametrize(
    "query",
    ["modality=cat", "status=x", "kind=x", "limit=0", f"limit={MAX_PAGE + 1}", "limit=x", "cursor=x", "cursor=%00",
     "uncertain=maybe", "surprise=1", "q=" + "x" * (MAX_SEARCH + 1), "q=a&q=b", "since=2026-01-01", "from=yesterday"],
)  # fmt: skip
async def test_a_query_of_another_shape_is_refused(client: Client, query: str) -> None:
    answer = await client.get(f"/api/scans?{query}")
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/api/export.csv", "/api/export.json", "/api/stats"])
async def test_exports_and_statistics_check_their_query_too(client: Client, path: str) -> None:
    answer = await client.get(f"{path}?cursor=x")
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_request")


async def test_lookup_finds_the_last_report_however_the_address_is_spelled(client: Client, kept: Database) -> None:
    await scanned(kept, title="first", url="https://example.org/a")
    await scanned(kept, title="second", url="https://example.org/a")
    await scanned(kept, title="broken", url="https://example.org/a", status="failed")
    answer = await client.get("/api/scans/lookup", params={"url": "HTTPS://EXAMPLE.org:443/x/../a#part"})
    assert ReportShape.model_validate_json(await answer.text()).source.title == "second"


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("https://example.org/never", 404, "not_found"),
        ("nonsense", 400, "not_a_url"),
        ("file:///etc/passwd", 400, "scheme_not_allowed"),
        ("", 400, "bad_request"),
    ],
)
async def test_a_lookup_that_finds_nothing_says_why(client: Client, url: str, status: int, code: str) -> None:
    answer = await client.get("/api/scans/lookup", params={"url": url})
    assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_the_csv_holds_every_image_and_starts_no_formula(client: Client, kept: Database) -> None:
    evil = '=HYPERLINK("https://evil.example","x")'
    figure = judged("a", "ct", alt=evil, uncertain=True, medical_sure=True, contains=("ct", "mri"))
    await scanned(kept, figure, judged("b", "non_medical", alt=" @SUM(1)"), title="+1+1")
    await scanned(kept, judged("c", "mri"), title='quotes " and, commas\nand lines')
    answer = await client.get("/api/export.csv")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(await answer.text(), newline="")))
    assert list(rows[0]) == list(COLUMNS)
    assert [row["modality"] for row in rows] == ["mri", "ct", "non_medical"]
    assert rows[0]["title"] == 'quotes " and, commas\nand lines'
    assert rows[1]["alt"] == "'" + evil
    assert rows[2]["alt"] == "' @SUM(1)"
    assert rows[1]["title"] == "'+1+1"
    assert sum(float(rows[0][name]) for name in MODALITIES) == pytest.approx(1, abs=0.001)
    two_levels = ("medical_probability", "medical_sure", "sure", "open", "contains")
    assert [rows[0][name] for name in two_levels] == ["0.98", "True", "True", "", "mri"]
    assert [rows[1][name] for name in two_levels] == ["0.98", "True", "False", "", "ct mri"]
    assert not [cell for row in rows for cell in row.values() if FORMULA.match(cell)]


async def test_the_json_holds_the_same_and_takes_the_same_filters(client: Client, kept: Database) -> None:
    await scanned(kept, judged("a", "ct"), title="one")
    await scanned(kept, judged("b", "mri"), title="two")
    rows = await (await client.get("/api/export.json")).json()
    assert [(row["scan"]["source"]["title"], row["verdict"]["modality"]) for row in rows] == [("two", "mri"), ("one", "ct")]
    only = await (await client.get("/api/export.json?modality=ct")).json()
    assert [row["sha256"] for row in only] == [rows[1]["sha256"]]
    assert await (await client.get("/api/export.json?q=nothing")).json() == []
    assert (await (await client.get("/api/export.csv?q=nothing")).text()).strip() == ",".join(COLUMNS)


async def test_a_long_export_is_sent_in_pieces(client: Client, kept: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.api.exports.PIECE", 500)
    await scanned(kept, *[judged(str(number)) for number in range(60)])
    answer = await client.get("/api/export.json")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert len(await answer.json()) == 60
    text = await (await client.get("/api/export.csv")).text()
    assert len(text.strip().splitlines()) == 61


async def test_an_export_that_breaks_is_cut_and_not_ended(
    client: Client, kept: Database, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.api.exports.PIECE", 500)
    await scanned(kept, *[judged(str(number)) for number in range(20)])
    rows = iter(range(100))

    def breaks(row: Exported) -> list[object]:
        if next(rows, 0) == 15:
            raise RuntimeError("in the middle")
        return csv_row(row)

    monkeypatch.setattr("server.web.api.exports.csv_row", breaks)
    with pytest.raises(Exception, match=r"payload|disconnected|Connection"):
        await (await client.get("/api/export.csv")).text()


async def test_the_statistics_add_up(client: Client, kept: Database) -> None:
    await scanned(kept, judged("a", "ct"), judged("b", "non_medical"))
    await scanned(kept, judged("a", "ct"), status="failed")
    stats = StatsShape.model_validate_json(await (await client.get("/api/stats")).text())
    assert (stats.total.scans, stats.total.unique, stats.total.medical) == (2, 3, 2)
    assert stats.by_status == {"done": 1, "failed": 1}
    assert sum(stats.confidence) == 3
    assert stats.stages_ms["total"].p50 == pytest.approx(1234.5)
    nothing = StatsShape.model_validate_json(await (await client.get("/api/stats?to=2001-01-01")).text())
    assert nothing.total.scans == 0
