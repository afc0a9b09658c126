"""Reads the host of an address: an IPv4 address in any of its spellings, an IPv6 address, or a DNS name as IDNA writes it.

`0177.1`, `0x7f000001`, `①②⑦.0.0.1` and `127.0.0.1` are one host, and leave here as one text. Every error is a ValueError whose
text says what is wrong; the caller knows the address it stood in. This module does not know which hosts may be reached.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote_to_bytes

import idna

MAX_NAME = 253  # characters of a DNS name (RFC 1035), without the root's dot
MAX_LABEL = 63  # characters of one part of it; the resolver takes no more
_LABEL = re.compile(r"[a-z0-9_-]+")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")


def read_host(text: str) -> str:
    """One spelling of a host; IPv6 in brackets. Raises ValueError."""
    if text.startswith("["):
        if not text.endswith("]") or "%" in text:
            raise ValueError("the brackets hold no IPv6 address")
        return f"[{IPv6Address(text[1:-1])}]"
    name = _ascii(unquote_to_bytes(text.encode()).decode())
    name = name.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return str(_ipv4(labels))
    if len(name) > MAX_NAME:
        raise ValueError(f"a host name has at most {MAX_NAME} characters")
    for label in labels:
        if not _LABEL.fullmatch(label) or len(label) > MAX_LABEL:
            raise ValueError(f"{label!r} is no part of a host name")
    return name


def _ascii(name: str) -> str:
    """Lower case, with each part that is not ASCII as punycode, mapped by UTS 46 as browsers do."""
    if name.isascii():
        return name.lower()
    mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
    return ".".join(part if part.isascii() else "xn--" + part.encode("punycode").decode() for part in mapped.split("."))


def _ipv4(parts: list[str]) -> IPv4Address:
    """One to four numbers, decimal, octal or hexadecimal; the last one fills what is left."""
    if len(parts) > 4:
        raise ValueError("an IPv4 address has at most four numbers")
    *front, last = (_number(part) for part in parts)
    if any(number > 255 for number in front) or last >= 256 ** (5 - len(parts)):
        raise ValueError("a number of the IPv4 address is too large")
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(front)) + last)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not text.isascii():
        raise ValueError(f"{text!r} is no number of an IPv4 address")
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if len(text) > 1 and text.startswith("0") else 10)
