"""Names are resolved once, and one denied record refuses the whole host."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence

import pytest

from server.contract.errors import AddressNotAllowed, ConnectionFailed, HostNotFound, TimedOut
from server.settings import Settings
from server.source import dial as dialling
from server.source import guard as guarding
from server.source.dial import dial
from server.source.guard import Guard
from server.source.networks import BAD_PORTS
from tests.site import Site
from tests.source.conftest import Names


async def test_gives_what_it_checked(guard: Guard, names: Names) -> None:
    names.add("public.example", ["93.184.215.14", "2606:2800::1"])
    assert await guard.resolve("public.example", 443) == ("93.184.215.14", "2606:2800::1")
    assert await guard.resolve("127.0.0.1", 80) == ("127.0.0.1",)
    assert await guard.resolve("[2606:2800::1]", 80) == ("2606:2800::1",)


@pytest.mark.parametrize("records", [["10.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["93.184.215.14", "::1"], ["64:ff9b::a00:1"]])
async def test_one_denied_record_refuses_the_host(guard: Guard, names: Names, records: list[str]) -> None:
    names.add("mixed.example", records)
    with pytest.raises(AddressNotAllowed, match="may not be reached"):
        await guard.resolve("mixed.example", 443)


@pytest.mark.parametrize("host", ["127.0.0.2", "2130706434", "127.2", "0177.0.0.2", "[::1]", "[::ffff:10.0.0.1]", "0", "localhost"])
async def test_refuses_by_what_the_system_resolves(host: str, make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(AddressNotAllowed):
        await Guard(make_settings(allow_networks=())).resolve(host, 80)


@pytest.mark.parametrize("host", ["a\0b", "x" * 64 + ".example", ".", "nothing.invalid", ""])
async def test_a_host_that_does_not_exist(guard: Guard, host: str) -> None:
    with pytest.raises((HostNotFound, AddressNotAllowed)) as error:
        await guard.resolve(host, 80)
    assert host == "" or error.type is HostNotFound


async def test_a_name_without_records_is_not_found(guard: Guard, names: Names) -> None:
    names.add("empty.example", [])
    with pytest.raises(HostNotFound):
        await guard.resolve("empty.example", 80)


@pytest.mark.parametrize("port", [22, 25, 6667])
async def test_refuses_ports_of_other_services(guard: Guard, port: int) -> None:
    assert port in BAD_PORTS
    with pytest.raises(AddressNotAllowed, match=f"port {port}"):
        await guard.resolve("127.0.0.1", port)


async def test_a_silent_name_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(host: str, port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    monkeypatch.setattr(guarding, "RESOLVE_TIMEOUT_S", 0.05)
    with pytest.raises(TimedOut):
        await Guard(settings, silent).resolve("slow.example", 80)


async def test_dials_the_address_that_answers(site: Site) -> None:
    _, writer = await dial("x", ["127.0.0.3", "127.0.0.1"], site.port)
    assert writer.get_extra_info("peername") == ("127.0.0.1", site.port)
    writer.close()
    await writer.wait_closed()


async def test_a_port_nobody_listens_on() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionFailed):
            await dial("x", ["127.0.0.1"], unused.getsockname()[1])


async def test_a_server_that_takes_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialling, "CONNECT_TIMEOUT_S", 0.2)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        held = [socket.socket() for _ in range(4)]  # the queue of a listener that accepts nothing fills up
        for one in held:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with pytest.raises(TimedOut):
            await dial("x", ["127.0.0.1"], full.getsockname()[1])
        for one in held:
            one.close()
