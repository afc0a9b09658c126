"""The deny tables: networks from which nothing may be fetched, each with its reason, and ports that are not a web server's.

The networks follow IANA's special-purpose registries (RFC 6890 and its updates) and add the addresses that only have a meaning
inside a cloud. `ipaddress.is_global` is not enough: it allows NAT64, 6to4, multicast, site-local and 168.63.129.16. IPv6 is denied
unless it is global unicast (2000::/3), and the IPv4 addresses embedded in it are checked, too. An operator's own NAT64 prefix
cannot be recognised: it looks like any global address.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DENIED_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("168.63.129.16/32", "Azure's platform address, a public one that answers only inside"),
        ("169.254.169.254/32", "cloud metadata"),
        ("100.100.100.200/32", "Alibaba's cloud metadata"),
        ("192.0.0.192/32", "Oracle's cloud metadata"),
        ("0.0.0.0/8", "this host on this network"),
        ("10.0.0.0/8", "private network"),
        ("100.64.0.0/10", "shared by carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private network"),
        ("192.0.0.0/24", "IETF protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112 black hole"),
        ("192.52.193.0/24", "automatic multicast tunnelling"),
        ("192.88.99.0/24", "6to4 relay, deprecated"),
        ("192.168.0.0/16", "private network"),
        ("192.175.48.0/24", "AS112 black hole"),
        ("198.18.0.0/15", "benchmarking of networks"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)

GLOBAL_UNICAST = IPv6Network("2000::/3")
NOT_GLOBAL = "not global unicast"
DENIED_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "IPv4-compatible, deprecated"),
        ("::ffff:0:0:0/96", "IPv4-translated (SIIT)"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64 of one's own network"),
        ("100::/64", "discard only"),
        ("100:0:0:1::/64", "dummy prefix"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking of networks"),
        ("2001:10::/28", "ORCHID, deprecated"),
        ("2001:20::/28", "ORCHIDv2"),
        ("2001::/23", "IETF protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112 black hole"),
        ("3ffe::/16", "6bone, returned"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing identifiers"),
        ("fd00:ec2::254/128", "AWS cloud metadata"),
        ("fd20:ce::254/128", "Google cloud metadata"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local, deprecated"),
        ("ff00::/8", "multicast"),
    )
)

# Ports where something other than a web server listens: mail, shells, name services, chat. This is the list of "bad ports" of the
# WHATWG Fetch standard, which Chromium applies to its own pages. The guard applies it to every hop, so that neither a redirect nor
# a tunnel can send SMTP from here. The ports of databases are not on it: the networks above deny the hosts that run them.
_BAD_PORTS = """
    0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119
    123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989
    990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080
"""
BAD_PORTS = frozenset(map(int, _BAD_PORTS.split()))

_NAT64_OWN = IPv6Network("64:ff9b:1::/48")
_TEREDO = IPv6Network("2001::/32")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)  # the upper half of an interface identifier that ends in an IPv4 address
_LOW_32 = tuple(IPv6Network(network) for network in ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96"))
_MAPPED = IPv6Network("::ffff:0:0/96")


def embedded(ip: IPv6Address) -> tuple[IPv4Address, ...]:
    """All IPv4 addresses that this IPv6 address may be translated to: mapped, compatible, NAT64, 6to4, Teredo, ISATAP."""
    number = int(ip)
    found: list[int] = []
    if any(ip in network for network in _LOW_32) and number >> 24:  # smaller ones are `::`, `::1` and the like
        found.append(number)
    elif ip in _NAT64_OWN:
        # RFC 6052: the prefix may have 96, 64, 56 or 48 bits, and bits 64 to 71 are unused. A reading that begins with 0 cannot be
        # right and is left out.
        upper, lower = number >> 64, number & 0xFF_FFFF_FFFF_FFFF
        readings = (number, lower >> 24, (upper & 0xFF) << 24 | lower >> 32, (upper & 0xFFFF) << 16 | lower >> 40)
        found += [reading for reading in readings if reading >> 24 & 0xFF]
    if sixtofour := ip.sixtofour:
        found.append(int(sixtofour))
    if ip in _TEREDO:
        found += [number >> 64, ~number]  # its server, and its client with all bits inverted
    if number >> 32 & 0xFFFF_FFFF in _ISATAP:
        found.append(number)
    return tuple(IPv4Address(value & 0xFFFF_FFFF) for value in found)


def denied_by(ip: str | Address, allow_networks: Iterable[Network] = ()) -> str | None:
    """The reason for which this address is denied, None when it may be reached.

    An address in one of `allow_networks` is allowed, but an IPv4 address inside an IPv6 one is still checked by itself. Raises
    ValueError when `ip` is not an address.
    """
    address = ip_address(ip) if isinstance(ip, str) else ip
    allowed = tuple(allow_networks)
    if any(address in network for network in allowed if network.version == address.version):
        outer = None
    elif isinstance(address, IPv4Address):
        return _reason(DENIED_V4, address)
    elif address in _MAPPED:
        outer = None  # the same as the IPv4 address: that one decides
    else:
        outer = _reason(DENIED_V6, address)
        if outer is None and address not in GLOBAL_UNICAST:
            outer = f"{NOT_GLOBAL} ({GLOBAL_UNICAST})"
    for inner in embedded(address) if isinstance(address, IPv6Address) else ():
        if reason := denied_by(inner, allowed):
            return f"{inner} inside it: {reason}"
    return outer


def _reason(table: Iterable[tuple[Network, str]], address: Address) -> str | None:
    return next((f"{reason} ({network})" for network, reason in table if address in network), None)
