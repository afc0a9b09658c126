"""What a route promises, said once beside its handler: who may call it, what it takes, what it answers, how it refuses.

`@operation(...)` puts an Operation on a handler; the middlewares read access and rate from it, openapi.py the rest. `query_of` and
`body_of` check a request against its pydantic model and raise InvalidFields. It knows no route.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
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

# caller: a token or a session. page: the same, and a browser without one is sent to /login.
# loopback: on this machine everyone, from elsewhere a caller. anyone: needed before one can sign in.
Access: TypeAlias = Literal["caller", "page", "loopback", "anyone"]


class Shape(BaseModel):
    """Base of every request shape: an unknown name is an error, so that a typing mistake is not silently the default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """One way a route answers. `model` None: a body of `content_type` without a JSON shape; `content_type` None: no body."""

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
    # Further content types the body may come in: type -> what the parts are.
    other_bodies: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[int, Answer] = field(default_factory=dict)
    problems: tuple[type[MedlensError], ...] = ()


_OPERATIONS: dict[Handler, Operation] = {}
H = TypeVar("H", bound=Handler)
M = TypeVar("M", bound=BaseModel)


def operation(described: Operation) -> Callable[[H], H]:
    """Decorator: this handler keeps what `described` says."""

    def keep(handler: H) -> H:
        _OPERATIONS[handler] = described
        return handler

    return keep


def described(handler: object) -> Operation | None:
    return _OPERATIONS.get(handler) if callable(handler) else None


def operation_of(request: web.Request) -> Operation | None:
    """The promise of the route that the request met; None for static files and addresses that are none."""
    return described(request.match_info.handler)


def query_of(request: web.Request, model: type[M]) -> M:
    """The query as `model`. A name given more than once is refused, an empty value counts as not given."""
    if doubled := sorted(name for name in request.query if len(request.query.getall(name)) > 1):
        raise RequestError(f"query: {doubled[0]} is given more than once")
    try:
        return model.model_validate({name: value for name, value in request.query.items() if value != ""})
    except ValidationError as error:
        raise invalid(error, "query") from None


async def body_of(request: web.Request, model: type[M]) -> M:
    """The JSON body as `model`."""
    if request.content_type != JSON:
        raise RequestError(f"the body must be {JSON}")
    return parsed(await request.read(), model)


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of an HTML form that holds no file. Raises RequestError for a body of another kind, or one that is no form."""
    if request.content_type != FORM:
        raise RequestError(f"the body must be {FORM}")
    try:
        return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    except (ValueError, LookupError):  # not in the encoding it names, or in one that nobody knows
        raise RequestError("the form cannot be read") from None


def parsed(text: bytes | str, model: type[M]) -> M:
    try:
        return model.model_validate(json.loads(text))
    except ValidationError as error:
        raise invalid(error, "body") from None
    except (ValueError, RecursionError):
        raise RequestError("the body is not JSON") from None
