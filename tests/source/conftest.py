"""Fixtures of the source stage: a local site, settings that allow only its address, a fake DNS, a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from ipaddress import ip_network

import aiohttp
import hypothesis
import pytest

from server.settings import Settings
from server.source.egress import EgressProxy
from server.source.fetch import Fetcher
from server.source.guard import Guard, system_resolver
from tests.site import Site

# A busy machine is no failure: how long an example takes is not what these tests are about.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

MARK = "X-Medlens-Refused"
MAX_BYTES = 300_000  # small, so that limits are met soon


class Names:
    """A resolver in which each name has the answers given to it, one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    def add(self, name: str, *answers: Sequence[str]) -> None:
        self.answers[name] = list(answers)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if (answers := self.answers.get(host)) is None:
            return await system_resolver(host, port)
        return answers.pop(0) if len(answers) > 1 else answers[0]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as served:
        yield served


@pytest.fixture
async def inside() -> AsyncIterator[Site]:
    """A second site at 127.0.0.2, which stays closed: what a hostile page tries to reach."""
    served = Site("127.0.0.2")
    try:
        await served.__aenter__()
    except OSError:
        pytest.skip("this system has no 127.0.0.2 (macOS: sudo ifconfig lo0 alias 127.0.0.2)")
    yield served
    await served.__aexit__()


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    def make(**given: object) -> Settings:
        fixed = {"allow_networks": (ip_network("127.0.0.1/32"),), "max_download_bytes": MAX_BYTES, "page_timeout_s": 10.0}
        return Settings(_env_file=None, **{**fixed, **given})

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings()


@pytest.fixture
def guard(settings: Settings, names: Names) -> Guard:
    return Guard(settings, names)


@pytest.fixture
async def proxy(guard: Guard, settings: Settings) -> AsyncIterator[EgressProxy]:
    async with EgressProxy(guard, settings) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def raw(proxy: EgressProxy, request: bytes) -> bytes:
    """Everything the proxy answers to these bytes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def codes(proxy: EgressProxy) -> list[tuple[str, str]]:
    return [(refusal.host, refusal.code) for refusal in proxy.refusals]


@pytest.fixture
def fetcher(guard: Guard, settings: Settings) -> Fetcher:
    return Fetcher(guard, settings)
