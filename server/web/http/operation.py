"""`@operation(...)` beside each handler: who may call the route, what it takes, what it answers, and its problems.

The middlewares read access and rate from the Operation, http/openapi.py the rest. `query_of`, `body_of` and `form_of` validate a
request against its pydantic model and raise InvalidFields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ConfigDict, ValidationError

from server.contract.errors import MedlensError, RequestError
from server.web.http.problems import invalid

JSON = "application/json"
HTML = "text/html"
FORM = "application/x-www-form-urlencoded"

# caller: a token or a session. page: the same, and a browser without one is redirected to /login.
# loopback: anyone on this machine, a caller from elsewhere. anyone: what is needed to sign in.
Access: TypeAlias = Literal["caller", "page", "loopback", "anyone"]


class Shape(BaseModel):
    """Base of every request model: an unknown name is an error, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """One response of a route. `model` None: a body without a described shape; `content_type` None: no body."""

    description: str
    model: type[BaseModel] | None = None
    content_type: str | None = JSON


@dataclass(frozen=True, slots=True)
class Operation:
    summary: str
    tag: str
    access: Access
    rate: Literal["scan", "read", "login"] | None = None
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    # Further content types of the body, with their schemas.
    other_bodies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[int, Answer] = field(default_factory=dict)
    problems: tuple[type[MedlensError], ...] = ()


_OPERATIONS: dict[Handler, Operation] = {}
H = TypeVar("H", bound=Handler)
M = TypeVar("M", bound=BaseModel)


def operation(described: Operation) -> Callable[[H], H]:
    """Decorator: the Operation of this handler is `described`."""

    def keep(handler: H) -> H:
        _OPERATIONS[handler] = described
        return handler

    return keep


def described(handler: object) -> Operation | None:
    return _OPERATIONS.get(handler) if callable(handler) else None


def operation_of(request: web.Request) -> Operation | None:
    """The Operation of the request's route; None for static files and addresses without a route."""
    return described(request.match_info.handler)


def query_of(request: web.Request, model: type[M]) -> M:
    """The query as `model`. A name given more than once is refused, an empty value counts as absent."""
    return query_from(request.query.items(), model)


def query_from(pairs: Iterable[tuple[str, str]], model: type[M]) -> M:
    """Names and values of a query as `model`, as `query_of` reads them."""
    given: dict[str, str] = {}
    for name, value in pairs:
        if name in given:
            raise RequestError(f"query: {name} is given more than once")
        given[name] = value
    try:
        return model.model_validate({name: value for name, value in given.items() if value != ""})
    except ValidationError as error:
        raise invalid(error, "query") from None


async def body_of(request: web.Request, model: type[M]) -> M:
    """The JSON body as `model`."""
    if request.content_type != JSON:
        raise RequestError(f"the body must be {JSON}")
    return parsed(await request.read(), model)


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of an HTML form that holds no file. Raises RequestError for another content type, or a body that is not a form."""
    if request.content_type != FORM:
        raise RequestError(f"the body must be {FORM}")
    try:
        return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    except (ValueError, LookupError):  # bytes that do not fit the named encoding, or an unknown one
        raise RequestError("the form cannot be read") from None


def parsed(text: bytes | str, model: type[M]) -> M:
    try:
        return model.model_validate(json.loads(text))
    except ValidationError as error:
        raise invalid(error, "body") from None
    except (ValueError, RecursionError):
        raise RequestError("the body is not JSON") from None
