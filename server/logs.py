"""Structured logs to stderr: a line for people or one JSON object, the scan's id on every line of its walk, secrets never.

`configure` once a process; then `structlog.get_logger()` anywhere. Whatever is logged (the libraries' own lines and tracebacks
included) goes through `mask`: values under secret names, bearer tokens, passwords in addresses and query strings are cut out,
since a page's address can hold a session. stdout stays free for `--json`. This module does not know who logs what.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO
from uuid import UUID

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from server.settings import Settings

HIDDEN = "…"
SECRET_NAMES = re.compile(r"(token|secret|password|authorization|cookie|database_url|^code$|login_code|session_key)", re.IGNORECASE)
BEARER = re.compile(r"(?i)\b(bearer\s+)\S+")
USER_INFO = re.compile(r"(\w+://)[^/\s@]+@")
# A question mark with a name and an equals sign behind it; a question at the end of a sentence stays.
QUERY = re.compile(r"\?[^\s\"'<>?=]+=[^\s\"'<>]*")
# Libraries that tell too much at info; ours says what matters.
CHATTY = ("aiohttp.access", "procrastinate", "psycopg.pool", "sqlalchemy", "asyncio", "alembic", "PIL", "pydicom")


def mask_text(text: str) -> str:
    """`text` without bearer tokens, user info of addresses and query strings."""
    return QUERY.sub(f"?{HIDDEN}", USER_INFO.sub(rf"\1{HIDDEN}@", BEARER.sub(rf"\1{HIDDEN}", text)))


def mask_value(value: object) -> object:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {name: HIDDEN if SECRET_NAMES.search(str(name)) else mask_value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_text(str(value))


def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """The processor: every value of the line, by name and by shape."""
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = HIDDEN if SECRET_NAMES.search(name) else mask_value(value)
    return event


@contextmanager
def scan_bound(scan_id: UUID | str) -> Iterator[None]:
    """Every line logged inside, in this task and those it starts, carries `scan`."""
    with structlog.contextvars.bound_contextvars(scan=str(scan_id)):
        yield


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's lines through one chain to `stream` (stderr). Safe to call twice."""
    out = sys.stderr if stream is None else stream
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=settings.log_format == "json"),
        structlog.processors.format_exc_info,
        mask,
    ]
    colors = settings.log_format == "console" and out.isatty()
    render: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=colors)
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
