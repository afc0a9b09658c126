"""Log lines: the scan's id on each, one JSON object a line, and no secret in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from server import logs
from server.settings import Settings


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Where lines go; the handlers that pytest put on the root logger come back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    out = io.StringIO()
    logs.configure(Settings(log_format="json"), out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_every_line_of_a_walk_carries_the_scan(stream: io.StringIO) -> None:
    with logs.scan_bound("abc"):
        structlog.get_logger().info("rendered", images=3)
        logging.getLogger("somewhere").warning("from a library")
    structlog.get_logger().info("idle")
    first, second, third = lines(stream)
    assert (first["event"], first["scan"], first["images"], first["level"]) == ("rendered", "abc", 3, "info")
    assert (second["event"], second["scan"]) == ("from a library", "abc")
    assert "scan" not in third


@pytest.mark.parametrize(
    "text",
    [
        "GET /login?code=s3cret",
        "https://example.org/a?session=s3cret&x=1",
        "Authorization: Bearer s3cret",
        "postgresql://me:s3cret@db.example/medlens",
        "//cdn/x?s3cret=1#part",
    ],
)
def test_secrets_in_texts_are_cut_out(stream: io.StringIO, text: str) -> None:
    structlog.get_logger().info(text, url=text, nested={"inner": [text]})
    assert "s3cret" not in stream.getvalue()


@pytest.mark.parametrize("name", ["token", "api_token", "Authorization", "cookie", "code", "password", "database_url"])
def test_values_under_secret_names_are_cut_out(stream: io.StringIO, name: str) -> None:
    structlog.get_logger().info("settings", **{name: "s3cret"}, headers={name: "s3cret"})
    assert "s3cret" not in stream.getvalue()


def test_tracebacks_are_masked(stream: io.StringIO) -> None:
    try:
        raise ValueError("https://example.org/?key=s3cret")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert "ValueError" in stream.getvalue()
    assert "s3cret" not in stream.getvalue()


def test_a_question_stays_a_question(stream: io.StringIO) -> None:
    structlog.get_logger().info("is it running? yes")
    assert lines(stream)[0]["event"] == "is it running? yes"


def test_the_least_level_holds(stream: io.StringIO) -> None:
    structlog.get_logger().debug("too small")
    assert stream.getvalue() == ""


def test_console_lines_are_for_people() -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    out = io.StringIO()
    logs.configure(Settings(log_format="console"), out)
    structlog.get_logger().info("serving", port=8765)
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    assert "serving" in out.getvalue()
    assert "port=8765" in out.getvalue()
