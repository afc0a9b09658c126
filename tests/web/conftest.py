"""The web application over a real socket, with a database of its own, and scans of every kind written straight into the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from io import BytesIO
from itertools import count
from uuid import UUID, uuid4

import psycopg
import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer
from PIL import Image
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from sqlalchemy import URL, text

from server.app import create_app
from server.contract.records import JudgedImage
from server.settings import Settings
from server.source.guard import Guard
from server.store import events, scans
from server.store.database import Database
from server.web.http.keys import DATABASE, GUARD, LIMITER, SETTINGS
from tests.judged import MODEL
from tests.web.tabs import TOKEN, browsed, chromium

__all__ = ["TOKEN", "browsed", "chromium"]  # fixtures among them
PROBLEM = "application/problem+json"


class Client:
    """A caller of one kind. `ask` sends nothing that it is not told to send, but for the token or the cookie."""

    def __init__(self, server: TestServer, session: ClientSession, token: str | None = None) -> None:
        self.server, self.session, self.token = server, session, token
        self.base = f"http://127.0.0.1:{server.port}"

    async def ask(self, method: str, path: str, **options: object) -> ClientResponse:
        headers = dict(options.pop("headers", {}))  # type: ignore[call-overload]
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        return await self.session.request(method, self.base + path, headers=headers, allow_redirects=False, **options)  # type: ignore[arg-type]

    async def get(self, path: str, **options: object) -> ClientResponse:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: object) -> ClientResponse:
        return await self.ask("POST", path, **options)


@pytest.fixture(scope="module")
def web_settings(postgres: URL, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a database that the tests of one file share; `empty` clears it between them, which is quicker than a new one."""
    name = f"web_{uuid4().hex}"
    plain = postgres.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
        url = postgres.set(database=name).render_as_string(hide_password=False)
        yield Settings(database_url=SecretStr(url), token=SecretStr(TOKEN), data_dir=tmp_path_factory.mktemp("data"))
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture(scope="module")
def app(web_settings: Settings) -> web.Application:
    return create_app(web_settings)


@pytest.fixture(scope="module")
async def served(app: web.Application) -> AsyncIterator[TestServer]:
    test_server = TestServer(app, host="127.0.0.1")
    await test_server.start_server(access_log=None)
    yield test_server
    await test_server.close()


@pytest.fixture
async def server(served: TestServer, app: web.Application) -> TestServer:
    """The running service, with nothing in it and nobody's requests counted."""
    app[LIMITER].forget()
    async with app[DATABASE].begin() as connection:
        emptied = "named_sets, saved_filters, scans, figures_days, stale_days, images, login_codes, sessions, procrastinate_jobs"
        await connection.execute(text(f"TRUNCATE {emptied} CASCADE"))
    return served


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as opened:
        yield opened


@pytest.fixture
async def client(server: TestServer, session: ClientSession) -> Client:
    """A caller with the token, as the extension is."""
    return Client(server, session, TOKEN)


@pytest.fixture
async def stranger(server: TestServer, session: ClientSession) -> Client:
    """A caller without anything."""
    return Client(server, session)


@pytest.fixture
async def kept(server: TestServer, app: web.Application) -> Database:
    """The running application's database."""
    return app[DATABASE]


@pytest.fixture
def public(app: web.Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """example.org is a public host here, and unknown.example none, without asking a name server."""

    async def resolve(host: str, port: int) -> list[str]:
        if host == "unknown.example":
            raise OSError("no such host")
        return {"example.org": ["93.184.215.14"], "inside.example": ["93.184.215.14", "10.0.0.1"]}.get(host, [host])

    monkeypatch.setitem(app._state, GUARD, Guard(app[SETTINGS], resolve))


async def signed_in(server: TestServer, session: ClientSession) -> Client:
    client = Client(server, session)
    answer = await client.post("/login", data={"token": TOKEN}, headers={"Origin": client.base})
    assert answer.status == 303
    return client


async def refusal(answer: ClientResponse) -> tuple[int, str]:
    """Status and code of an answer that must be a problem of the contract's shape."""
    assert answer.content_type == PROBLEM
    problem = await answer.json()
    assert problem["status"] == answer.status
    assert problem["type"].endswith(problem["code"])
    assert problem["detail"]
    return answer.status, problem["code"]


def webp(shade: int = 90) -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), (shade, shade, shade)).save(out, "WEBP")
    return out.getvalue()


OF_ITS_OWN = "of its own"
_numbers = count(1)


async def scanned(
    database: Database,
    *images: JudgedImage,
    url: str | None = OF_ITS_OWN,
    title: str | None = "A page",
    status: str = "done",
    kind: str = "page",
) -> UUID:
    """A scan that has ended with these images, its events included; of an address of its own, unless one is given."""
    url = f"https://example.org/{next(_numbers)}" if url == OF_ITS_OWN else url
    scan_id = await scans.create(database, kind=kind, target=url or "files", url=url, title=title)  # type: ignore[arg-type]
    await scans.start(database, scan_id, MODEL)
    await scans.finish(
        database,
        scan_id,
        status=status,  # type: ignore[arg-type]
        model_version=MODEL,
        timings_ms={"total": 1234.5},
        found=len(images) + 1,
        skipped={"too_small": 1},
        images=images,
    )
    return scan_id


async def emit(database: Database, scan_id: UUID, *told: tuple[str, dict[str, object]]) -> None:
    await events.append_many(database, scan_id, list(told))  # type: ignore[arg-type]
