"""The contract, machine-readable: complete against the router, sound in itself, and kept by the answers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.contract import errors
from server.contract.errors import MedlensError
from server.web.http.openapi import document
from server.web.http.operation import described
from tests.web.conftest import Client

# The contract's table, as INTERFACE writes it.
CONTRACT = {
    ("post", "/api/scans"), ("get", "/api/scans"), ("get", "/api/scans/lookup"), ("get", "/api/scans/{id}"),
    ("delete", "/api/scans/{id}"), ("post", "/api/scans/{id}/cancel"), ("get", "/api/scans/{id}/events"),
    ("get", "/api/images/{sha256}"), ("get", "/api/images/{sha256}/thumbnail"), ("get", "/api/images/{sha256}/heatmap"),
    ("post", "/api/images/{sha256}/feedback"), ("get", "/api/export.csv"), ("get", "/api/export.json"), ("get", "/api/stats"),
    ("get", "/healthz"), ("get", "/readyz"), ("get", "/metrics"), ("get", "/api/openapi.json"), ("get", "/api/docs"),
    ("get", "/"), ("get", "/scans/{id}"), ("get", "/images/{sha256}"), ("get", "/login"),
}  # fmt: skip


@pytest.fixture(scope="module")
def spec(app: web.Application) -> dict[str, Any]:
    return json.loads(json.dumps(document(app)))  # it is JSON through and through


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def test_every_route_of_the_contract_is_there(spec: dict[str, Any]) -> None:
    found = {(method, path) for path, methods in spec["paths"].items() for method in methods}
    assert found >= CONTRACT


def test_every_route_of_the_router_is_described(app: web.Application, spec: dict[str, Any]) -> None:
    for route in app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical
        if path == "/static" or route.method == "HEAD":
            continue
        assert described(route.handler), f"{route.method} {path} promises nothing"
        assert route.method.lower() in spec["paths"][path]


def test_it_is_consistent(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.1")
    schemas = spec["components"]["schemas"]
    for part in walk(spec):
        if isinstance(part.get("$ref"), str):
            assert part["$ref"].rpartition("/")[2] in schemas
    for path, methods in spec["paths"].items():
        names = set(re.findall(r"\{(\w+)\}", path))
        for promise in methods.values():
            assert {one["name"] for one in promise["parameters"] if one["in"] == "path"} == names
            assert promise["summary"]
            assert [status for status in promise["responses"] if status < "400"]
            assert all(one["description"] for one in promise["responses"].values())


def test_forms_and_pages_promise_what_they_answer(spec: dict[str, Any]) -> None:
    """A wrong form is a bad request, a refused sign-in is a page or a problem, JSON without a shape may be anything."""
    for path in ("/login", "/pair"):
        answers = spec["paths"][path]["post"]["responses"]
        assert "400" in answers
    refused = spec["paths"]["/login"]["post"]["responses"]["401"]["content"]
    assert set(refused) == {"application/problem+json", "text/html"}
    exported = spec["paths"]["/api/export.json"]["get"]["responses"]["200"]["content"]["application/json"]
    assert exported["schema"] == {}


def test_problems_of_the_contract_are_described_with_their_codes(spec: dict[str, Any]) -> None:
    answers = spec["paths"]["/api/scans"]["post"]["responses"]
    assert {"202", "400", "401", "403", "413", "415", "429"} <= set(answers)
    for status, codes in {"400": "not_a_url", "403": "address_not_allowed", "413": "too_large", "415": "unknown_kind"}.items():
        assert codes in answers[status]["description"]
    assert "Retry-After" in answers["429"]["headers"]


def test_streams_and_uploads_are_described(spec: dict[str, Any]) -> None:
    assert "text/event-stream" in spec["paths"]["/api/scans/{id}/events"]["get"]["responses"]["200"]["content"]
    assert set(spec["paths"]["/api/scans"]["post"]["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
    assert "text/csv" in spec["paths"]["/api/export.csv"]["get"]["responses"]["200"]["content"]


async def test_it_is_served_and_its_page_names_every_route_and_code(client: Client, spec: dict[str, Any]) -> None:
    assert (await (await client.get("/api/openapi.json")).json()) == spec
    page = await (await client.get("/api/docs")).text()
    for path in spec["paths"]:
        assert f"<code>{path}</code>" in page
    for one in vars(errors).values():
        if isinstance(one, type) and issubclass(one, MedlensError):
            assert f'id="{one.code}"' in page
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(min_size=1, max_size=80), tail=st.sampled_from(["", "/events", "/cancel", "/thumbnail", "/heatmap"]))
async def test_no_address_causes_an_internal_error(client: Client, spec: dict[str, Any], name: str, tail: str) -> None:
    """Any text as an id gets one of the promised answers, never a 500."""
    for prefix in ("/api/scans/", "/api/images/", "/scans/", "/images/"):
        answer = await client.get(prefix + quote(name.encode("utf-8", "surrogatepass"), safe="") + tail)
        assert answer.status in {200, 303, 400, 404, 405, 429}, (prefix, name, tail, await answer.text())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    query=st.dictionaries(
        st.sampled_from(["q", "cursor", "limit", "from", "to", "modality", "url", "uncertain"]), st.text(max_size=30)
    )
)
async def test_whatever_stands_in_a_query_nothing_breaks(client: Client, query: dict[str, str]) -> None:
    for path in ("/api/scans", "/api/scans/lookup", "/api/export.json", "/api/stats", "/"):
        answer = await client.get(path, params=query)
        assert answer.status in {200, 400, 404, 429}, (path, query, await answer.text())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["url", "options", "members", "no_cache", "modality"]), inner, max_size=4)
        ),
        max_leaves=8,
    )
)
async def test_whatever_stands_in_a_body_nothing_breaks(client: Client, body: object) -> None:
    for path in ("/api/scans", "/api/images/" + "0" * 64 + "/feedback"):
        answer = await client.post(path, json=body)
        assert answer.status in {400, 403, 404, 429} or (answer.status == 202 and isinstance(body, dict)), await answer.text()
