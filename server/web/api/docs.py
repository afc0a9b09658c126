"""openapi.json, and the page that shows it, without scripts and without anything from other hosts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from server.contract import errors
from server.contract.errors import MedlensError
from server.web.http.openapi import document
from server.web.http.operation import HTML, JSON, Answer, Operation, operation
from server.web.http.page import page


@operation(
    Operation(
        summary="The OpenAPI document",
        tag="service",
        access="loopback",
        answers={200: Answer("OpenAPI 3.1", content_type=JSON)},
    )
)
async def openapi_json(request: web.Request) -> web.StreamResponse:
    return web.json_response(document(request.app))


@operation(
    Operation(
        summary="The documentation of the API", tag="service", access="loopback", answers={200: Answer("a page", content_type=HTML)}
    )
)
async def docs_page(request: web.Request) -> web.StreamResponse:
    return page(request, "docs.html", groups=_groups(document(request.app)), problem_codes=list(_problem_codes()))


def _groups(spec: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, methods in spec["paths"].items():
        for method, described in methods.items():
            groups.setdefault(described["tags"][0], []).append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": described["summary"],
                    "parameters": described["parameters"],
                    "bodies": list(described.get("requestBody", {}).get("content", ())),
                    "answers": [(status, answer["description"]) for status, answer in described["responses"].items()],
                }
            )
    return list(groups.items())


def _problem_codes() -> Iterator[dict[str, Any]]:
    """Every code of the error tree once, described by the most general error that has it."""
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, MedlensError)]
    for code in sorted({one.code for one in classes}):
        first = next(one for one in classes if one.code == code)
        yield {"code": code, "status": first.status, "meaning": _words(first.__name__)}
    yield {"code": "method_not_allowed", "status": 405, "meaning": "Method not allowed"}


def _words(name: str) -> str:
    """ "AddressNotAllowed" as "Address not allowed"."""
    spaced = "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in name).strip()
    return spaced[:1].upper() + spaced[1:]
