"""OpenAPI 3.1, made from the router and the `@operation` of each handler.

Every route with an Operation appears, streams and uploads included; a test compares the document with the router.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from server.contract.errors import Forbidden, MedlensError, NotFound, RequestError, TooManyRequests, Unauthorized
from server.web.http.keys import VERSION
from server.web.http.operation import HTML, JSON, Operation, described
from server.web.http.problems import PROBLEM_JSON, Problem
from server.web.texts.catalogue import ENGLISH

REF = "#/components/schemas/{model}"
PATH_PARAMETER = re.compile(r"\{(\w+)\}")
PATH_PARAMETERS: dict[str, dict[str, Any]] = {
    "id": {"description": "the scan's id", "schema": {"type": "string", "format": "uuid"}},
    "filter": {"description": "the id of a saved filter", "schema": {"type": "string", "format": "uuid"}},
    "collection": {"description": "the id of a collection or a tag", "schema": {"type": "string", "format": "uuid"}},
    "sha256": {"description": "SHA-256 of the image's bytes, hex", "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"}},
    "chart": {"description": "a chart of the statistics page", "schema": {"type": "string", "enum": list(ENGLISH.charts.charts)}},
}
SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "`medlens token` shows it"},
    "session": {"type": "apiKey", "in": "cookie", "name": "medlens_session", "description": "the dashboard's sign-in"},
}


def operations(app: web.Application) -> Iterator[tuple[str, str, Operation]]:
    """(method, path, Operation) of every described route, in the order of the table."""
    for route in app.router.routes():
        promise = described(route.handler)
        if promise is not None and route.resource is not None and route.method != "HEAD":
            yield route.method, route.resource.canonical, promise


def _all_problems(path: str, promise: Operation) -> dict[int, list[type[MedlensError]]]:
    classes: list[type[MedlensError]] = [Forbidden, *promise.problems]  # Forbidden: Host, on every route
    if promise.access != "anyone":
        classes.append(Unauthorized)
    if promise.rate:
        classes.append(TooManyRequests)
    if promise.query or promise.body or promise.other_bodies:
        classes.append(RequestError)
    if PATH_PARAMETER.search(path):
        classes.append(NotFound)
    found: dict[int, list[type[MedlensError]]] = {}
    for one in dict.fromkeys(classes):
        found.setdefault(one.status, []).append(one)
    return found


def _query_parameters(model: type[BaseModel], schemas: dict[str, Any]) -> list[dict[str, Any]]:
    schema = model.model_json_schema(ref_template=REF)
    schemas.update(schema.get("$defs", {}))
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": shape.get("description", ""),
            "schema": {key: value for key, value in shape.items() if key not in {"description", "title"}},
        }
        for name, shape in schema.get("properties", {}).items()
    ]


def _operation(path: str, promise: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    parameters = [{"name": name, "in": "path", "required": True, **PATH_PARAMETERS[name]} for name in PATH_PARAMETER.findall(path)]
    if promise.query:
        parameters += _query_parameters(promise.query, schemas)
    for name, meaning in promise.headers.items():
        parameters.append({"name": name, "in": "header", "required": False, "description": meaning, "schema": {"type": "string"}})
    spec: dict[str, Any] = {"tags": [promise.tag], "summary": promise.summary, "parameters": parameters, "responses": {}}
    if promise.body or promise.other_bodies:
        content: dict[str, Any] = {kind: {"schema": schema} for kind, schema in promise.other_bodies.items()}
        if promise.body:
            content = {JSON: {"schema": {"$ref": REF.format(model=promise.body.__name__)}}, **content}
        spec["requestBody"] = {"required": True, "content": content}
    for status, answer in promise.answers.items():
        response: dict[str, Any] = {"description": answer.description}
        if answer.content_type:
            undescribed: dict[str, Any] = {} if answer.content_type == JSON else {"type": "string"}
            schema = {"$ref": REF.format(model=answer.model.__name__)} if answer.model else undescribed
            response["content"] = {answer.content_type: {"schema": schema}}
        spec["responses"][str(status)] = response
    promised = {answer.content_type for answer in promise.answers.values()}
    for status, classes in sorted(_all_problems(path, promise).items()):
        problem: dict[str, Any] = {
            "description": "problem: " + ", ".join(sorted(one.code for one in classes)),
            "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(model="Problem")}}},
        }
        if any(error.retry_after is not None for error in classes):
            problem["headers"] = {"Retry-After": {"description": "seconds to wait", "schema": {"type": "integer"}}}
        if HTML in promised:  # to a browser a problem is a page
            problem["content"][HTML] = {"schema": {"type": "string"}}
        spec["responses"][str(status)] = problem
    spec["security"] = [] if promise.access == "anyone" else [{"token": []}, {"session": []}]
    if promise.access == "loopback":
        spec["security"].append({})  # on this machine anyone
    return spec


def document(app: web.Application) -> dict[str, Any]:
    """The whole OpenAPI document of `app`."""
    described_routes = list(operations(app))
    models: dict[type[BaseModel], None] = {Problem: None}
    for _, _, promise in described_routes:
        answers = (answer.model for answer in promise.answers.values())
        models |= {model: None for model in (promise.body, *answers) if model is not None}
    requests = {promise.body for _, _, promise in described_routes}
    _, tops = models_json_schema(
        [(model, "validation" if model in requests else "serialization") for model in models], ref_template=REF
    )
    schemas: dict[str, Any] = dict(tops.get("$defs", {}))
    paths: dict[str, dict[str, Any]] = {}
    write = partial(_operation, schemas=schemas)
    for method, path, promise in described_routes:
        paths.setdefault(path, {})[method.lower()] = write(path, promise)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "medlens",
            "version": VERSION,
            "description": "Which images of a page or a PDF are medical, of which modality, and how sure that is.",
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": SECURITY},
    }
