"""The deny table: each range from its first to its last address and not its neighbours, and IPv4 inside IPv6."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.source.networks import DENIED_V4, DENIED_V6, GLOBAL_UNICAST, Address, denied_by, embedded

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "168.63.129.15"]
PUBLIC += ["169.253.255.255", "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "11.0.0.0", "128.0.0.1"]
PUBLIC += ["2001:4860::8888", "2606:4700::1111", "2a00::1", "2001:200::1", "2003::1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert denied_by(address) is None


@pytest.mark.parametrize(("network", "reason"), [*DENIED_V4, *DENIED_V6], ids=str)
def test_every_range_is_denied_from_end_to_end(network: object, reason: str) -> None:
    assert denied_by(network[0])
    assert denied_by(network[-1])
    assert reason


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback (127.0.0.0/8)"),
        ("169.254.169.254", "cloud metadata"),
        ("168.63.129.16", "Azure"),
        ("100.100.100.200", "Alibaba"),
        ("0.1.2.3", "this host"),
        ("::", "unspecified"),
        ("::1", "loopback (::1/128)"),
        ("::ffff:127.0.0.1", "127.0.0.1 inside it: loopback"),
        ("::127.0.0.1", "127.0.0.1 inside it: loopback"),
        ("::ffff:0:127.0.0.1", "127.0.0.1 inside it"),
        ("64:ff9b::169.254.169.254", "169.254.169.254 inside it"),
        ("64:ff9b::8.8.8.8", "NAT64"),
        ("64:ff9b:1::10.0.0.1", "10.0.0.1 inside it"),
        ("2002:7f00:1::", "127.0.0.1 inside it"),
        ("2002:808:808::", "6to4"),
        ("2001:0:808:808:0:0:80ff:fffe", "127.0.0.1 inside it"),
        ("2001:db8::1", "documentation"),
        ("2a00::5efe:127.0.0.1", "127.0.0.1 inside it"),
        ("2a00::200:5efe:10.0.0.1", "10.0.0.1 inside it"),
        ("fec0::1", "site-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "AWS"),
        ("ff02::1", "multicast"),
        ("4000::1", "not global unicast"),
        ("::2", "IPv4-compatible"),
    ],
)
def test_the_reason_names_the_range(address: str, reason: str) -> None:
    assert reason in (denied_by(address) or "")


def test_mapped_public_address_is_that_address() -> None:
    assert denied_by("::ffff:8.8.8.8") is None


def test_an_opened_network_opens_itself_only() -> None:
    assert denied_by("10.1.2.3", [ip_network("10.1.0.0/16")]) is None
    assert denied_by("10.2.2.3", [ip_network("10.1.0.0/16")])
    assert denied_by("::ffff:10.1.2.3", [ip_network("10.1.0.0/16")]) is None
    assert denied_by("fd12::1", [ip_network("fd12::/16")]) is None
    assert denied_by("::1", [ip_network("::1/128")]) is None
    # An opened NAT64 or 6to4 prefix is no way round the IPv4 table.
    nat64 = ip_network("64:ff9b::/96")
    assert denied_by("64:ff9b::8.8.8.8", [nat64]) is None
    assert "loopback" in (denied_by("64:ff9b::7f00:1", [nat64]) or "")
    assert denied_by("64:ff9b::7f00:1", [nat64, ip_network("127.0.0.0/8")]) is None
    assert denied_by("::ffff:127.0.0.1", [ip_network("::/0")])


@pytest.mark.parametrize("length", [96, 64, 56, 48])
@given(inner=st.ip_addresses(v=4))
def test_nat64_of_every_prefix_length_is_unwrapped(length: int, inner: IPv4Address) -> None:
    value, prefix = int(inner), int(IPv6Address("64:ff9b:1::"))
    carried = {
        96: value,
        64: value << 24,
        56: value >> 24 << 64 | (value & 0xFFFFFF) << 32,
        48: value >> 16 << 64 | (value & 0xFFFF) << 40,
    }[length]
    if value >> 24:
        assert inner in embedded(IPv6Address(prefix | carried))


@given(st.ip_addresses(v=4))
def test_what_denies_an_ipv4_address_denies_it_inside_ipv6(inner: IPv4Address) -> None:
    value = int(inner)
    wrapped = [f"::ffff:{inner}", f"::{inner}", f"64:ff9b::{inner}", f"::ffff:0:{inner}", f"2a00::5efe:{inner}"]
    wrapped += [str(IPv6Address(0x2002 << 112 | value << 80)), str(IPv6Address(0x20010000 << 96 | value ^ 0xFFFFFFFF))]
    opened = [ip_network("::/0")]
    for address in wrapped:
        if denied_by(inner) and value >> 24:
            assert denied_by(address)
            assert denied_by(address, opened)


@given(st.ip_addresses())
def test_what_passes_is_global(address: Address) -> None:
    if denied_by(address) is None:
        assert address.is_global or (address.version == 6 and address.ipv4_mapped)
        assert not address.is_multicast
        assert address.version == 4 or address in GLOBAL_UNICAST or address.ipv4_mapped


@given(st.text(max_size=20))
def test_what_is_no_address_is_an_error(text: str) -> None:
    try:
        ip_address(text)
    except ValueError:
        with pytest.raises(ValueError, match="does not appear to be"):
            denied_by(text)


def test_the_list_of_addresses(shared: Path) -> None:
    verdicts = {line: denied_by(line) for line in (shared / "corpora/ssrf/ips.txt").read_text().split()}
    public = {"1.1.1.1", "100.128.0.0", "100.63.255.254", "100.63.255.255", "8.8.4.4", "8.8.8.8", "8.8.9.8", "93.184.216.34"}
    assert {address for address, reason in verdicts.items() if reason is None} == public | {"2001:4860::8888"}
