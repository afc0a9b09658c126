"""Decodes data: URLs as browsers do: with or without base64, white space or padding."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes


def decode_data_url(url: str) -> tuple[str, bytes]:
    """Media type and bytes of a data: URL. Raises ValueError."""
    head, comma, body = url.removeprefix("data:").partition(",")
    if not comma:
        raise ValueError("no comma in the data: URL")
    mime, *parameters = [part.strip().lower() for part in head.split(";")]
    data = unquote_to_bytes(body)
    if "base64" not in parameters:
        return mime, data
    try:
        data = b"".join(data.split()).rstrip(b"=")
        return mime, base64.b64decode(data + b"=" * (-len(data) % 4))
    except binascii.Error as error:
        raise ValueError(f"the data: URL is not base64: {error}") from None
