"""What a page could send without the proxy: packets over UDP."""

from __future__ import annotations

import asyncio

from server.extract.browser import Browser
from server.source.egress import EgressProxy
from server.source.guard import Guard
from tests.extract.conftest import loopback
from tests.site import Site, page


class Heard(asyncio.DatagramProtocol):
    """Counts packets."""

    def __init__(self) -> None:
        self.packets = 0

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.packets += 1


async def test_no_packet_passes_the_proxy_by(browser: Browser, site: Site) -> None:
    """WebRTC with STUN and TURN, and WebTransport, to a socket that listens. Chromium as it comes sends ten packets here."""
    loop = asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(Heard, ("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    script = f"""
        const peer = new RTCPeerConnection({{iceServers: [{{urls: "stun:127.0.0.1:{port}"}},
            {{urls: "turn:127.0.0.1:{port}?transport=udp", username: "a", credential: "b"}}]}});
        peer.createDataChannel("x");
        const gathered = new Promise(yes => peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && yes());
        peer.createOffer().then(offer => peer.setLocalDescription(offer));
        let moved = Promise.resolve();
        try {{ moved = new WebTransport("https://127.0.0.1:{port}/x").ready }} catch {{}}
        window.tried = Promise.all([
            Promise.race([gathered, new Promise(yes => setTimeout(yes, 4000))]),
            moved.then(() => "open", () => "shut"),
        ]).then(all => all[1]);
    """
    settings = loopback()
    try:
        async with EgressProxy(Guard(settings), settings) as proxy, browser.context(proxy.url) as context:
            tab = await context.new_page()
            await tab.goto(site.add("/udp", page(f"<script>{script}</script>")))
            assert await tab.evaluate("window.tried") != "open"
    finally:
        transport.close()
    assert heard.packets == 0
