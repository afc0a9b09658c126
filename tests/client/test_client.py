"""The Python client against the running service: addresses, files, verdicts, refusals; its records against OpenAPI."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from aiohttp import ClientSession
from medlens.answers import Report, Verdict, read
from medlens.client import AsyncClient, Client
from medlens.errors import ServiceError, Unreachable

from tests.extension.events_proxy import EventsProxy, Mode
from tests.extension.gallery_site import section, ward
from tests.extension.service import TOKEN, Service, serving
from tests.site import Site

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs/examples/client.ipynb"


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[Service]:
    async with serving() as served:
        yield served


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[Site]:
    async with Site() as opened:
        ward(opened)
        yield opened


async def test_a_page_its_verdicts_as_they_come_and_its_report(service: Service, site: Site) -> None:
    async with AsyncClient(service.address, TOKEN) as medlens:
        scan = await medlens.scan(site.url("/ward"))
        coming = [image.sha256 async for image in medlens.verdicts(scan)]
        report = await medlens.wait(scan, timeout=120)
        assert report.status == "done"
        assert report.source.title == "Teaching file 12"
        assert sorted(coming) == sorted(image.sha256 for image in report.images)
        assert len(coming) == 9
        assert report.counts.medical == sum(image.verdict.is_medical for image in report.images)
        first = report.images[0]
        assert abs(sum(first.verdict.probabilities.values()) - 1) < 0.01
        assert first.places[0].url == site.url("/picture/0.png")
        corrected = await medlens.correct(first.sha256, "ultrasound")
        assert (corrected.modality, corrected.corrected) == ("ultrasound", True)
        assert await medlens.image(first.sha256) == corrected
        await medlens.delete(scan)
        with pytest.raises(ServiceError) as refused:
            await medlens.report(scan)
        assert (refused.value.code, refused.value.status) == ("not_found", 404)


@pytest.mark.parametrize("mode", ["cut", "refuse"])
async def test_where_no_stream_holds_each_image_is_told_once_all_the_same(service: Service, site: Site, mode: Mode) -> None:
    async with EventsProxy(service.address, mode) as proxy, AsyncClient(proxy.address, TOKEN) as medlens:
        scan = await medlens.scan(site.url(f"/ward?{mode}"), no_cache=True)
        coming = [image.sha256 async for image in medlens.verdicts(scan)]
        assert len(coming) == len(set(coming)) == 9


async def test_files_are_scanned_together(service: Service, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(2)]
    for number, path in enumerate(files):
        path.write_bytes(section(number + 20))
    async with AsyncClient(service.address, TOKEN) as medlens:
        report = await medlens.wait(await medlens.scan(*files), timeout=120)
        assert len(report.images) == 2
        with pytest.raises(ValueError, match="one address"):
            await medlens.scan("https://one.example", "https://two.example")


async def test_refusals_have_names(service: Service) -> None:
    async with AsyncClient(service.address, "not-the-token") as medlens:
        with pytest.raises(ServiceError) as refused:
            await medlens.scan("https://example.org")
        assert refused.value.code == "unauthorized"
    async with AsyncClient("http://127.0.0.1:9", TOKEN) as medlens:
        with pytest.raises(Unreachable):
            await medlens.scan("https://example.org")
    with pytest.raises(RuntimeError, match="context manager"):
        await AsyncClient(service.address, TOKEN).report("0")


def test_a_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDLENS_TOKEN", raising=False)
    with pytest.raises(ValueError, match="MEDLENS_TOKEN"):
        Client()


async def test_the_notebook_runs(
    service: Service, site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cells in order, beside a running event loop as in Jupyter: the client without `async` brings its own."""
    monkeypatch.setenv("MEDLENS_TOKEN", TOKEN)
    monkeypatch.setenv("EXAMPLE_ADDRESS", service.address)
    monkeypatch.setenv("EXAMPLE_TARGET", site.url("/ward?notebook"))
    names: dict[str, Any] = {}
    import asyncio

    def cells() -> None:
        for cell in json.loads(NOTEBOOK.read_text())["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), cell["id"], "exec"), names)

    await asyncio.to_thread(cells)  # the site of the test answers on this thread
    assert "medical images" in capsys.readouterr().out
    assert names["report"].status == "done"


async def test_every_field_of_the_client_is_in_the_services_description(service: Service) -> None:
    async with (
        ClientSession() as session,
        session.get(f"{service.address}/api/openapi.json", headers={"Authorization": f"Bearer {TOKEN}"}) as answer,
    ):
        schemas = (await answer.json())["components"]["schemas"]
    report = schemas["ReportShape"]
    assert compared(Report, report, schemas) > 50


def compared(kind: type, schema: dict[str, Any], schemas: dict[str, Any]) -> int:
    """Every field is a property of the schema, and may be null where both say so; gives how many were compared."""
    count = 0
    hints = get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        assert field.name in schema["properties"], f"{kind.__name__}.{field.name}"
        told = schema["properties"][field.name]
        choices = told.get("anyOf", [told])
        nullable = {"type": "null"} in choices
        assert nullable == (type(None) in get_args(hints[field.name])), f"{kind.__name__}.{field.name}: null"
        count += 1
        inner = next((one for one in (hints[field.name], *get_args(hints[field.name])) if is_dataclass(one)), None)
        if inner:
            [choice] = [one for one in choices if one != {"type": "null"}]
            name = (choice.get("items", choice))["$ref"].rpartition("/")[2]
            count += compared(inner, schemas[name], schemas)  # type: ignore[arg-type]
    return count


def test_a_newer_service_may_say_more_and_not_less() -> None:
    from medlens.answers import Medical

    assert read(Medical, {"probability": 0.5, "sure": True, "new": 1}) == Medical(0.5, True)
    with pytest.raises(KeyError):
        read(Medical, {"probability": 0.5})
    assert Verdict.__doc__
