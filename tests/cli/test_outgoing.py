"""Every connection and every packet of a whole scan, seen from the kernel: nothing goes anywhere but to the target."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.short_folder import short_folder
from tests.site import Site, page, picture

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("strace") is None, reason="needs strace"),
    pytest.mark.slow,
]
CALLS = "connect,sendto,sendmsg,sendmmsg"
LINE = re.compile(r"(?P<call>connect|send\w+)\(\d+<(?P<socket>\w+):.*?inet_(?:addr|pton)\((?:AF_INET6, )?\"(?P<address>[^\"]+)\"")
# strace writes a connected socket as <UDP:[ours->theirs]>; what is sent on it names no address again.
SENT = re.compile(r"(?P<call>send\w+)\(\d+<(?P<socket>UDP\w*):\[.*?->\[?(?P<address>[0-9a-f.:]+?)\]?:\d+\]>")


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as place:
        yield place


def beyond(trace: str) -> set[tuple[str, str, str]]:
    """(call, kind of socket, address) of what leaves this machine. A UDP socket that is connected only asks for a route."""
    found = set()
    for line in trace.splitlines():
        match = LINE.search(line) or SENT.search(line)
        if match and not match["address"].startswith("127.") and match["address"] != "::1":
            if match["call"] == "connect" and match["socket"].startswith("UDP"):
                continue
            found.add((match["call"], match["socket"], match["address"]))
    return found


async def scanned(target: str, folder: Path) -> tuple[dict[str, object], str]:
    """The Report of `medlens scan`, and all that its processes, Chromium's included, connected to and sent."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEDLENS_") or name == "MEDLENS_CHROMIUM"}
    own = {"MEDLENS_DATA_DIR": str(folder / "data"), "MEDLENS_ALLOW_NETWORKS": "127.0.0.1/32"}
    watching = ("strace", "-f", "-yy", "-qq", "-s", "0", "-e", f"trace={CALLS}", "-o", str(folder / "trace"))
    process = await asyncio.create_subprocess_exec(
        *watching, sys.executable, "-m", "server", "scan", target, "--json", env=kept | own, stdout=-1, stderr=-1
    )
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(out), (folder / "trace").read_text(errors="replace")


async def test_a_scan_connects_to_its_target_and_nothing_else(folder: Path) -> None:
    """Database, models, readers, Playwright and Chromium with its services; the target is an address, so no name is asked for."""
    async with Site() as site:
        site.add("/a.png", picture("PNG", (240, 200), 3), "image/png")
        report, trace = await scanned(site.add("/a.html", page('<img src="/a.png">')), folder)
        assert report["status"] == "done"
        assert site.hits["/a.png"] == 1
    assert f"htons({site.port})" in trace
    assert beyond(trace) == set()


async def test_a_page_that_asks_the_browser_for_other_ways_out_sends_nothing(folder: Path) -> None:
    """WebRTC to a STUN server, WebTransport, prefetched names: packets that no proxy would see. 192.0.2.0/24 is nobody's."""
    script = """
        const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:192.0.2.7:3478'}, {urls: 'turn:192.0.2.7:3478',
            username: 'a', credential: 'b'}]});
        peer.createDataChannel('a'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
        try { new WebTransport('https://192.0.2.7:4433/a').ready.catch(() => {}) } catch {}
        try { new EventSource('https://192.0.2.7/a') } catch {}
        navigator.sendBeacon('https://192.0.2.7/a', 'a'); fetch('https://192.0.2.7/a').catch(() => {});
    """
    links = "".join(
        f'<link rel="{kind}" href="https://192.0.2.7/">' for kind in ("dns-prefetch", "preconnect", "prefetch", "modulepreload")
    )
    async with Site() as site:
        site.add("/a.png", picture("PNG", (240, 200), 3), "image/png")
        target = site.add("/a.html", page(f'{links}<img src="/a.png"><script>{script}</script>'))
        report, trace = await scanned(target, folder)
    assert report["status"] in ("done", "partial")
    assert beyond(trace) == set()


def test_what_leaves_is_told_apart_from_what_stays() -> None:
    inside = [
        'connect(9<TCP:[123]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0',
        'connect(9<UDPv6:[5]>, {sa_family=AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "2001:db8::1", &sin6_addr)}, 28) = 0',
        'sendto(9<UDP:[127.0.0.1:40->127.0.0.1:53]>, ""..., 40, MSG_NOSIGNAL, NULL, 0) = 40',
    ]
    outside = [
        'connect(9<TCP:[123]>, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("192.0.2.1")}, 16) = -1 ENETUNREACH',
        'sendto(9<UDP:[10.0.0.2:40->10.0.0.53:53]>, ""..., 40, MSG_NOSIGNAL, NULL, 0) = 40',
        'sendto(9<UDPv6:[[2001:db8::2]:40->[2001:db8::1]:443]>, ""..., 40, 0, NULL, 0) = 40',
        'sendto(9<UDP:[7]>, ""..., 9, 0, {sa_family=AF_INET, sin_port=htons(1), sin_addr=inet_addr("192.0.2.1")}, 16) = 9',
    ]
    assert beyond("\n".join(inside)) == set()
    assert [len(beyond(line)) for line in outside] == [1, 1, 1, 1]
