"""Names in addresses: what is no scan's id or no image's hash is simply not there."""

from __future__ import annotations

import re
from uuid import UUID

from aiohttp import web

from server.contract.errors import NotFound

UUID_TEXT = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
SHA256_TEXT = re.compile(r"[0-9a-f]{64}")


def scan_id_of(request: web.Request) -> UUID:
    told = request.match_info["id"]
    if not UUID_TEXT.fullmatch(told):
        raise NotFound("there is no such scan")
    return UUID(told)


def sha256_of(request: web.Request) -> str:
    told = request.match_info["sha256"]
    if not SHA256_TEXT.fullmatch(told):
        raise NotFound("there is no such image")
    return told
