"""Forwards the browser's plain http requests to their servers, one after the other over persistent connections.

Each request contains its whole address; host and port are taken from it, never from the Host header. `connect` checks whether the
server may be reached, and raises if not.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import h11

from server.contract.errors import ConnectionFailed, NotAUrl, SchemeNotAllowed, TooLarge
from server.source.address import quoted, read_host
from server.source.connection import BrokenConnection, Connection, end_to_end

REFUSED_HEADER = b"X-Medlens-Refused"  # marks the proxy's own responses; removed from those of servers
Endpoint = tuple[str, int]
Connect = Callable[[Endpoint], Awaitable[Connection]]

_AUTHORITY = re.compile(r"(\[[^\]]*\]|[^:\[\]]+)(?::(\d{1,5}))?")
_ABSOLUTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#@\\]*)([/?].*)?")


def read_authority(text: str, default_port: int | None = None) -> Endpoint:
    """Host (in normal form, IPv6 in brackets) and port. Raises NotAUrl."""
    found = _AUTHORITY.fullmatch(text)
    port = int(found[2] or default_port or 0) if found else 0
    if not found or not 0 < port <= 65535:
        raise NotAUrl(f"{quoted(text)} is not a host and port")
    try:
        return read_host(found[1]), port
    except ValueError as error:
        raise NotAUrl(f"{quoted(text)} is not a host and port: {error}") from None


def read_target(text: str) -> tuple[Endpoint, bytes]:
    """Endpoint and path of the target of a proxied request. Raises NotAUrl, SchemeNotAllowed."""
    found = _ABSOLUTE.fullmatch(text)
    if not found:
        raise NotAUrl(f"{quoted(text)} is not an address that a proxy can open")
    if found[1].lower() != "http":
        raise SchemeNotAllowed(f"{quoted(text)}: only plain http requests are forwarded; everything else needs a tunnel")
    path = found[3] or "/"
    return read_authority(found[2], 80), (path if path.startswith("/") else "/" + path).encode("latin-1")


class Forwarder:
    """Forwards the requests of one client connection; the connection to a server is kept for consecutive requests to it."""

    def __init__(self, client: Connection, connect: Connect, max_bytes: int) -> None:
        self._client, self._connect, self._max_bytes = client, connect, max_bytes
        self._server: Connection | None = None
        self._endpoint: Endpoint | None = None

    async def forward(self, request: h11.Request, endpoint: Endpoint, path: bytes) -> bool:
        """Forward one request and relay the response; True when the client may send another request.

        Raises BrokenConnection and what `connect` raises.
        """
        names = [name for name, _ in request.headers]
        if b"transfer-encoding" in names and b"content-length" in names:
            raise NotAUrl("a request with both a length and a transfer encoding is ambiguous")
        has_body = b"transfer-encoding" in names or dict(request.headers).get(b"content-length", b"0") != b"0"
        headers = end_to_end(request.headers.raw_items(), frozenset({b"host"}))
        if b"transfer-encoding" in names:
            headers.append((b"Transfer-Encoding", b"chunked"))
        host = endpoint[0] if endpoint[1] == 80 else f"{endpoint[0]}:{endpoint[1]}"
        onward = h11.Request(method=request.method, target=path, headers=[(b"Host", host.encode()), *headers])

        head = request.method == b"HEAD"
        if self._server and self._endpoint == endpoint and not has_body:
            try:  # a kept connection may have been closed meanwhile; only a request without a body can be repeated
                return await self._relay_response(await self._send_request(self._server, onward), self._server, head)
            except BrokenConnection as broken:
                if broken.connection is self._client or broken.timed_out or self._client.state.our_state is not h11.SEND_RESPONSE:
                    raise
        self.close()
        self._server, self._endpoint = await self._connect(endpoint), endpoint
        return await self._relay_response(await self._send_request(self._server, onward), self._server, head)

    async def _send_request(self, server: Connection, request: h11.Request) -> h11.Response:
        """Send the request with its body; return the head of the response."""
        await server.send(request)
        while self._client.state.their_state is h11.SEND_BODY:
            event = await self._client.next()
            if isinstance(event, h11.Data):
                await server.send(h11.Data(data=bytes(event.data)))
            elif not isinstance(event, h11.EndOfMessage):
                raise BrokenConnection(self._client, "it closed the connection in the middle of a request")
        await server.send(h11.EndOfMessage())
        while not isinstance(event := await server.next(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise BrokenConnection(server, "it closed the connection without a response")
        return event

    async def _relay_response(self, response: h11.Response, server: Connection, head: bool) -> bool:
        """Relay the response as it arrives; True when both connections can be used for another request."""
        length = int(dict(response.headers).get(b"content-length", b"0"))
        if length > self._max_bytes and not head:
            raise TooLarge(f"a response of {length} bytes is more than MEDLENS_MAX_DOWNLOAD_BYTES ({self._max_bytes})")
        headers = end_to_end(response.headers.raw_items(), frozenset({REFUSED_HEADER.lower()}))
        await self._client.send(h11.Response(status_code=response.status_code, reason=response.reason, headers=headers))
        taken = 0
        while isinstance(event := await server.next(), h11.Data):
            taken += len(event.data)
            if taken > self._max_bytes:
                raise TooLarge(f"a response is longer than MEDLENS_MAX_DOWNLOAD_BYTES ({self._max_bytes})")
            await self._client.send(h11.Data(data=bytes(event.data)))
        if not isinstance(event, h11.EndOfMessage):
            raise ConnectionFailed("the server closed the connection in the middle of its response")
        await self._client.send(h11.EndOfMessage())
        if server.state.our_state is h11.DONE and server.state.their_state is h11.DONE:
            server.state.start_next_cycle()
        else:
            self.close()
        return self._client.state.our_state is h11.DONE and self._client.state.their_state is h11.DONE

    def close(self) -> None:
        if self._server:
            self._server.close()
        self._server = self._endpoint = None
