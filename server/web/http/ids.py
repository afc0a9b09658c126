"""The ids in addresses. A malformed id is NotFound, like one that does not exist."""

from __future__ import annotations

import re
from uuid import UUID

from aiohttp import web

from server.contract.errors import NotFound

UUID_TEXT = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
SHA256_TEXT = re.compile(r"[0-9a-f]{64}")


def scan_id_of(request: web.Request) -> UUID:
    text = request.match_info["id"]
    if not UUID_TEXT.fullmatch(text):
        raise NotFound("there is no such scan")
    return UUID(text)


def collection_id_of(request: web.Request) -> UUID:
    text = request.match_info["collection"]
    if not UUID_TEXT.fullmatch(text):
        raise NotFound("there is no such collection")
    return UUID(text)


def filter_id_of(request: web.Request) -> UUID:
    text = request.match_info["filter"]
    if not UUID_TEXT.fullmatch(text):
        raise NotFound("there is no such saved filter")
    return UUID(text)


def sha256_of(request: web.Request) -> str:
    text = request.match_info["sha256"]
    if not SHA256_TEXT.fullmatch(text):
        raise NotFound("there is no such image")
    return text
