"""Structured logs to stderr, as lines for people or JSON objects; lines of a scan carry its id, and secrets are masked.

Call `configure` once in a process, then use `structlog.get_logger()`. Everything that is logged, lines of libraries and tracebacks
included, goes through `mask`: values under secret names, bearer tokens, passwords in addresses and query strings are replaced,
since the address of a page may hold a session. stdout stays free for `--json`.
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

MASK = "…"
SECRET_NAMES = re.compile(r"(token|secret|password|authorization|cookie|database_url|^code$|login_code|session_key)", re.IGNORECASE)
BEARER = re.compile(r"(?i)\b(bearer\s+)\S+")
USER_INFO = re.compile(r"(\w+://)[^/\s@]+@")
# A question mark followed by a name and an equals sign; a question mark that ends a sentence is kept.
QUERY = re.compile(r"\?[^\s\"'<>?=]+=[^\s\"'<>]*")
# Libraries that log too much at level info.
VERBOSE = ("aiohttp.access", "procrastinate", "psycopg.pool", "sqlalchemy", "asyncio", "alembic", "PIL", "pydicom")


def mask_text(text: str) -> str:
    """Replace bearer tokens, user info of addresses and query strings in `text`."""
    return QUERY.sub(f"?{MASK}", USER_INFO.sub(rf"\1{MASK}@", BEARER.sub(rf"\1{MASK}", text)))


def mask_value(value: object) -> object:
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, Mapping):
        return {name: MASK if SECRET_NAMES.search(str(name)) else mask_value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [mask_value(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_text(str(value))


def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """structlog processor: mask every value of a line, by its name and by its form."""
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = MASK if SECRET_NAMES.search(name) else mask_value(value)
    return event


@contextmanager
def scan_bound(scan_id: UUID | str) -> Iterator[None]:
    """Add `scan` to every line logged inside, by this task and those that it starts."""
    with structlog.contextvars.bound_contextvars(scan=str(scan_id)):
        yield


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send the lines of structlog and of the standard library through one chain to `stream` (stderr). May be called again."""
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
    for name in VERBOSE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
