"""Addresses have one normal form, and invalid ones are refused; checked against the WHATWG cases and lists of bypasses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from server.contract.errors import AddressNotAllowed, NotAUrl, RequestError, SchemeNotAllowed
from server.source.address import MAX_URL_LENGTH, normalise, refuse_login, split_login
from server.source.guard import Guard
from server.source.networks import denied_by
from tests.source.conftest import Names

# Where we refuse on purpose what the standard lets through: a host that is no DNS name, or punycode that means nothing.
STRICTER = (".xn--pokxncvks", "http://./", "http://../", "!\"$&'()*+,-.;=_`{}~", "foo.09..", "https://xn--/")
# Where we accept a bare name that the standard, without a base, does not.
BARE = ("test-a-colon.html", "test-a-colon-b.html")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("example.org", "https://example.org/"),
        ("example.org/x?y=1#z", "https://example.org/x?y=1"),
        ("example.org:8080/x", "https://example.org:8080/x"),
        ("localhost:3000", "https://localhost:3000/"),
        ("//example.org/x", "https://example.org/x"),
        ("1.2.3.4", "https://1.2.3.4/"),
        ("[2001:4860::8888]:443/", "https://[2001:4860::8888]/"),
        ("  \u00a0\ufeffHTTP://Example.ORG:80\t/a b\n ", "http://example.org/a%20b"),
        ("https://user:secret@example.org/", "https://example.org/"),
        ("http:example.org", "http://example.org/"),
        (r"http:\\example.org\a\..\b", "http://example.org/b"),
        ("https://example.org./", "https://example.org/"),
        ("https://münchen.de/Ä?ö", "https://xn--mnchen-3ya.de/%C3%84?%C3%B6"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://i❤.ws/", "https://xn--i-7iq.ws/"),
        ("http://a_b.example.org/%2E%2e/x%2Fy", "http://a_b.example.org/x%2Fy"),
        ("http://①②⑦.１/", "http://127.0.0.1/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://[0:0::0:1]/", "http://[::1]/"),
    ],
)
def test_writes_one_spelling(text: str, address: str) -> None:
    assert normalise(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "http://a.org/x http://b.org/y",
        "https://a.org/x\nhttps://b.org/y",
        "a.org/x\tb.org/y",
        "https://a.org https://me:secret@b.org",
    ],
)
def test_two_addresses_are_an_error(text: str) -> None:
    with pytest.raises(NotAUrl, match="2 addresses") as raised:
        normalise(text)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("text", ["https://a.org/a b.pdf", "https://a.org/a b/c.pdf", "https://web.a.org/2026/http://b.org/"])
def test_a_space_in_a_path_is_no_second_address(text: str) -> None:
    assert normalise(text) == text.replace(" ", "%20")


def test_user_and_password_are_split_off() -> None:
    assert split_login("https://me:a%40b@x.org/p@q") == ("https://x.org/p@q", ("me", "a@b"))
    assert split_login(" HTTP:\\\\me@x.org") == (" HTTP:\\\\x.org", ("me", ""))
    for text in ("https://x.org/me:a@b", "mailto:me@x.org", "me@x.org", "x.org/a:b@c", ""):
        assert split_login(text) == (text, None)
    for text in ("https://me:secret@x.org/", "https://me:secret@:9/", "me:secret@x.org"):
        with pytest.raises((NotAUrl, SchemeNotAllowed)) as raised:
            refuse_login(text)
            normalise(text)
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "  ", "hello", "hello world.txt", "a@b.org", "3.14", "/etc/passwd", "#", "?x", "http://", "http:///", "https://:80/"),
        *(
            "http://a b/",
            "http://a..b/",
            "http://-.\x00/",
            "http://x.org:0/",
            "http://x.org:65536/",
            "http://x.org:１/",
            "http://x:1:2/",
        ),
        *(
            "http://256.0.0.1/",
            "http://0o177.0.0.1/",
            "http://1_0.1/",
            "http://[::1%25eth0]/",
            "http://[::1",
            "http://[127.0.0.1]/",
        ),
        *("http://\ud800.org/", "http://x.org/\ud800", f"http://{'a' * 64}.org/", f"http://{'a.' * 127}org/", "https://\xad/"),
    ],
)
def test_refuses_what_is_no_address(text: str) -> None:
    with pytest.raises(NotAUrl):
        normalise(text)


@pytest.mark.parametrize(
    "text",
    [
        *("file:///etc/passwd", "ftp://example.org/", "javascript:alert(1)", "javascript:1", "data:text/html,x", "about:blank"),
        *(
            "chrome://crash",
            "view-source:https://example.org/",
            "C:\\scan.pdf",
            "mailto:a@b.org",
            "JaVa\tScRiPt:1",
            "blob:https://a",
        ),
    ],
)
def test_refuses_other_schemes(text: str) -> None:
    with pytest.raises(SchemeNotAllowed, match="only http and https"):
        normalise(text)


def test_refuses_an_address_that_is_too_long() -> None:
    assert normalise("http://x.org/" + "a" * (MAX_URL_LENGTH - 13))
    with pytest.raises(NotAUrl, match="longer"):
        normalise("http://x.org/" + "a" * (MAX_URL_LENGTH - 12))


def test_a_message_stays_on_one_short_line() -> None:
    with pytest.raises(NotAUrl) as refusal:
        normalise("http://a\x1b[31m b/" + "x" * 5000)
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 400


@given(st.text() | st.from_regex(r"(https?:)?[/\\]*[^/]{0,20}(:\d*)?([/\\?#].*)?", fullmatch=True))
def test_any_text_is_refused_or_read_alike_by_everybody(text: str) -> None:
    try:
        address = normalise(text)
    except RequestError:
        return
    assert normalise(address) == address
    assert address.isascii()
    assert address.isprintable()
    ours, theirs = URL(address, encoded=True), urlsplit(address)
    assert str(ours) == address
    assert ours.raw_host == theirs.hostname
    assert (ours.scheme, ours.user, ours.fragment, theirs.username) == (theirs.scheme, None, "", None)


@given(st.ip_addresses(v=4), st.sampled_from(["{:d}", "{:#x}", "0{:o}", "{:#X}"]), st.integers(1, 4))
def test_numbers_are_the_address_they_spell(ip: Any, spelling: str, parts: int) -> None:
    octets = list(ip.packed)
    numbers = [*octets[: parts - 1], int.from_bytes(bytes(octets[parts - 1 :]), "big")]
    assert normalise("http://" + ".".join(map(spelling.format, numbers))) == f"http://{ip}/"


def test_the_whatwg_cases(shared: Path) -> None:
    cases = json.loads((shared / "corpora/ssrf/whatwg-urltestdata.json").read_text())
    accepted = failed = 0
    for case in (case for case in cases if isinstance(case, dict)):
        text = case["input"]
        if case.get("failure"):
            failed += 1
            if text not in BARE:
                with pytest.raises(RequestError):
                    normalise(text)
        elif case.get("base") in (None, "about:blank") and case.get("protocol") in ("http:", "https:"):
            if any(part in text.lower() for part in STRICTER):
                with pytest.raises(NotAUrl):
                    normalise(text)
                continue
            accepted += 1
            assert normalise(text) == f"{case['protocol']}//{case['host']}{case['pathname']}{case['search']}", text
    assert failed > 200
    assert accepted > 100


async def test_no_spelling_reaches_a_denied_address(shared: Path, make_settings: Any) -> None:
    names = Names()
    for name in ("localhost", "app.localhost", "ip6-loopback", "host.docker.internal", "foo", "test", "steal"):
        names.add(name, ["127.0.0.1"])
    guard = Guard(make_settings(allow_networks=()), names)
    reached, refused = [], 0
    for line in (shared / "corpora/ssrf/urls.txt").read_text().splitlines():
        text = line.split("\t")[1]
        try:
            url = URL(normalise(text), encoded=True)
            host = url.raw_host or ""
            if host not in names.answers and not host.replace(".", "").isdigit() and ":" not in host:
                names.add(
                    host, ["169.254.169.254"] if "169.254" in host or "meta" in host or "nat64" in host else ["93.184.215.14"]
                )
            reached.append((text, await guard.resolve(host, url.port or 0)))
        except (NotAUrl, SchemeNotAllowed, AddressNotAllowed):
            refused += 1
    for text, addresses in reached:
        assert not any(denied_by(address) for address in addresses), text
        assert "127." not in text.partition("?")[0].partition("://")[2].partition("/")[0], text
    assert refused > 100
