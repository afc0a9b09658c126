"""Parses addresses as browsers do and writes each in one normal form.

The parsing follows the WHATWG URL standard, so that the guard, the downloader and Chromium never read different hosts from the same
text. It deliberately differs from the standard: user, password and fragment are dropped; a bare `example.org/x` gets https; a host
must be a DNS name of letters, digits, `-` and `_` (the standard allows punctuation and broken punycode); empty labels and port 0
are refused; one trailing dot of a name and a lone question mark are dropped. guard.py checks whether a host may be reached.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import unquote, unquote_to_bytes

import idna
from yarl import URL

from server.contract.errors import NotAUrl, SchemeNotAllowed

MAX_URL_LENGTH = 8192  # what common web servers accept in a request line; they answer 414 to longer ones
MAX_NAME = 253  # characters of a DNS name (RFC 1035), without the root's dot
MAX_LABEL = 63  # characters of one label of a DNS name; resolvers accept no more
DEFAULT_PORTS = {"http": 80, "https": 443}

# Stripped from both ends: C0 controls and space, as the standard says, and characters that are often copied with an address.
_ENDS = "".join(map(chr, range(0x21))) + "\x7f\u00a0\u200b\ufeff"
_NOWHERE = str.maketrans("", "", "\t\n\r")
_LABEL = re.compile(r"[a-z0-9_-]+")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_BARE_PORT = re.compile(r"(localhost|[^/\\?#@:]*\.[^/\\?#@:]*):\d{1,5}(?:[/\\?#]|$)", re.IGNORECASE)
_BARE_HOST = re.compile(r"(?:localhost|\[[0-9A-Fa-f:.]+\]|[^\s/\\?#@:]+\.[^\s/\\?#@:]+)(?::\d{1,5})?(?:[/\\?#]|$)", re.IGNORECASE)
_BARE_NUMBER = re.compile(r"[\dxXa-fA-F.]*\d")
_DOTTED_QUAD = re.compile(r"\d+\.\d+\.\d+\.\d+")
_AUTHORITY_END = re.compile(r"[/\\?#]")
_LOGIN = re.compile(r"^([^/?#:@]*:)[^/?#]*@")
_DOT = re.compile(r"\.|%2e", re.IGNORECASE)
_PATH_SAFE = frozenset("!$%&'()*+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]_abcdefghijklmnopqrstuvwxyz|~")
_QUERY_SAFE = (_PATH_SAFE | frozenset("?^`{}")) - frozenset("'")


def normalise(text: str) -> str:
    """The normal form of an http(s) address. Raises NotAUrl or SchemeNotAllowed; the message repeats the text."""
    if count := _further_addresses(text):
        first = quoted(split_login(text.split(maxsplit=1)[0])[0])
        raise NotAUrl(f"{count + 1} addresses are in one line, the first is {first}; put each on a line of its own")
    cleaned = text.strip(_ENDS).translate(_NOWHERE)
    if not cleaned:
        raise NotAUrl("no address was given")
    if len(cleaned) > MAX_URL_LENGTH:
        raise NotAUrl(f"an address of {len(cleaned)} characters is longer than the {MAX_URL_LENGTH} allowed")
    scheme, rest = _split_scheme(cleaned)
    end = _AUTHORITY_END.search(rest)
    authority, tail = (rest[: end.start()], rest[end.start() :]) if end else (rest, "")
    host, port = _split_port(authority.rpartition("@")[2], split_login(cleaned)[0])
    try:
        host = read_host(host)
        target = _target(tail.partition("#")[0])
        written = f"{scheme}://{host}{'' if port in (None, DEFAULT_PORTS[scheme]) else f':{port}'}{target}"
        _check_readable(written)
    except ValueError as error:
        raise NotAUrl(f"{quoted(split_login(cleaned)[0])} is not an address: {error}") from None
    return written


def split_login(text: str) -> tuple[str, tuple[str, str] | None]:
    """The address without `user:password@`, and the percent-decoded user and password if it has them."""
    scheme = _SCHEME.match(text.lstrip(_ENDS))
    start = text.find(scheme[0]) + len(scheme[0]) if scheme and scheme[1].lower() in DEFAULT_PORTS else 0
    start += len(text[start:]) - len(text[start:].lstrip("/\\" + _ENDS))
    end = _AUTHORITY_END.search(text, start)
    authority = text[start : end.start() if end else len(text)]
    login, at, host = authority.rpartition("@")
    if not at or not host or not start:  # without a scheme `a@b.org` is a mail address, and `mailto:a@b.org` is one, too
        return text, None
    user, _, password = login.partition(":")
    return text[:start] + text[start + len(login) + 1 :], (unquote(user), unquote(password))


def refuse_login(text: str) -> None:
    """Raise NotAUrl for an address with user or password: the queue would have to store it."""
    rest, login = split_login(text)
    if login:
        raise NotAUrl(
            f"{quoted(rest)}: a password is not stored, so only `medlens scan` on the command line takes an address with one"
        )


def _masked(text: str) -> str:
    """Hide what may be a password in an address without a scheme, as in `user:password@host`."""
    return _LOGIN.sub(r"\1…@", text, count=1)


def is_bare(text: str) -> bool:
    """Whether an address was given without its scheme, as in `example.org:8080/x`."""
    cleaned = text.strip(_ENDS)
    found = _SCHEME.match(cleaned)
    return not found or bool(_BARE_PORT.match(cleaned))


def _further_addresses(text: str) -> int:
    """The number of addresses after the first one in a text, separated by white space. A path may contain a space, too."""
    first, *others = text.strip(_ENDS).split() or [""]
    if bare := [one for one in others if "/" in one and _BARE_HOST.match(one)]:
        bare = bare if is_bare(first) and len(bare) == len(others) else []
    return len(bare) or sum(one.lower().startswith(("http://", "https://")) for one in others)


def quoted(text: str) -> str:
    """The text in quotes for a message: at most 120 characters, on one line, without control characters."""
    short = text if len(text) <= 120 else text[:119] + "…"
    return repr(short.encode("utf-8", "backslashreplace").decode())


def _split_scheme(text: str) -> tuple[str, str]:
    """The scheme in lower case, and what follows its slashes. The standard skips any number of slashes and backslashes."""
    found = _SCHEME.match(text)
    if found and not _BARE_PORT.match(text):
        scheme = found[1].lower()
        if scheme not in DEFAULT_PORTS:
            raise SchemeNotAllowed(f"{quoted(_masked(text))}: only http and https addresses can be scanned, not {scheme}:")
        return scheme, text[found.end() :].lstrip("/\\")
    bare = text.removeprefix("//")
    host = _BARE_HOST.match(bare)
    if not host or (_BARE_NUMBER.fullmatch(bare) and not _DOTTED_QUAD.fullmatch(bare)):
        raise NotAUrl(f"{quoted(text)} is not an address; one looks like https://example.org/page")
    return "https", bare


def _split_port(authority: str, text: str) -> tuple[str, int | None]:
    """Host and port of an authority without credentials; the port is None when it is missing or empty."""
    host, colon, port = authority, "", ""
    if (at := authority.find(":", authority.rfind("]") + 1)) >= 0:
        host, colon, port = authority[:at], ":", authority[at + 1 :]
    if not host:
        raise NotAUrl(f"{quoted(text)} names no host")
    if not colon or not port:
        return host, None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:9]) <= 65535):
        raise NotAUrl(f"{quoted(text)} has no port between 1 and 65535")
    return host, int(port)


def _check_readable(url: str) -> None:
    """Check that the downloader (yarl) can parse the address too, such as its punycode. Raises ValueError."""
    if not URL(url, encoded=True).host:
        raise ValueError("it names no host")


def _target(tail: str) -> str:
    """Path without dot segments, and query, both percent-encoded. Raises UnicodeError for half of a surrogate pair."""
    path, _, query = tail.partition("?")
    kept: list[str] = []
    segments = path.replace("\\", "/").split("/")[1:] or [""]
    for place, segment in enumerate(segments):
        last = place == len(segments) - 1
        plain = _DOT.sub(".", segment) if len(segment) <= 6 else segment
        if plain == "..":
            del kept[-1:]
        if plain not in (".", ".."):
            kept.append(_quote(segment, _PATH_SAFE))
        elif last:
            kept.append("")
    return "/" + "/".join(kept) + ("?" + _quote(query, _QUERY_SAFE) if query else "")


def _quote(text: str, safe: frozenset[str]) -> str:
    """Percent-encode every character outside `safe`; existing escapes are kept."""
    if safe.issuperset(text):
        return text
    return "".join(sign if sign in safe else "".join(f"%{byte:02X}" for byte in sign.encode()) for sign in text)


def read_host(text: str) -> str:
    """The normal form of a host: an IPv4 address, an IPv6 address in brackets, or a DNS name as IDNA writes it.

    `0177.1`, `0x7f000001`, `①②⑦.0.0.1` and `127.0.0.1` all give `127.0.0.1`. Raises ValueError with what is wrong.
    """
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
            raise ValueError(f"{label!r} is not part of a host name")
    return name


def _ascii(name: str) -> str:
    """The name in lower case; labels that are not ASCII are mapped by UTS 46 and written as punycode, as browsers do."""
    if name.isascii():
        return name.lower()
    mapped = idna.uts46_remap(name, std3_rules=False, transitional=False)
    return ".".join(part if part.isascii() else "xn--" + part.encode("punycode").decode() for part in mapped.split("."))


def _ipv4(parts: list[str]) -> IPv4Address:
    """An address of one to four numbers, decimal, octal or hexadecimal; the last number covers the remaining bytes."""
    if len(parts) > 4:
        raise ValueError("an IPv4 address has at most four numbers")
    *front, last = (_number(part) for part in parts)
    if any(number > 255 for number in front) or last >= 256 ** (5 - len(parts)):
        raise ValueError("a number of the IPv4 address is too large")
    return IPv4Address(sum(number << 8 * (3 - place) for place, number in enumerate(front)) + last)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or not text.isascii():
        raise ValueError(f"{text!r} is not a number of an IPv4 address")
    if text.startswith("0x"):
        return int(text[2:] or "0", 16)
    return int(text, 8 if len(text) > 1 and text.startswith("0") else 10)
