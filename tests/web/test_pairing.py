"""The extension is let in with a token of its own: a person says yes to its fingerprint, nobody else's page can."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from sqlalchemy import text

from server.store.database import Database
from server.web.http.token import fingerprint
from server.web.pages.pairing import code_of
from tests.web.conftest import Client, signed_in

OWN = "a-token-that-the-extension-made-itself-0123"
KEY = fingerprint(OWN)
EXTENSION = {"Origin": "chrome-extension://abcdefghijklmnopabcdefghijklmnop", "Authorization": f"Bearer {OWN}"}


async def test_saying_yes_lets_the_extensions_own_token_in(server: TestServer, session: ClientSession, kept: Database) -> None:
    person = await signed_in(server, session)
    looked = await person.get(f"/pair?key={KEY}")
    assert looked.status == 200
    assert code_of(KEY) in await looked.text()
    assert (await person.get("/api/scans", headers=EXTENSION)).status == 401, "looking at the page lets nobody in"
    answer = await person.post("/pair", data={"key": KEY}, headers={"Origin": person.base})
    assert answer.status == 200
    assert OWN not in await answer.text()
    async with ClientSession() as fresh:
        extension = Client(server, fresh)
        assert (await extension.get("/api/scans", headers=EXTENSION)).status == 200
        gone = await extension.ask("DELETE", "/api/scans/5b3e6a0e-0000-4000-8000-000000000000", headers=EXTENSION)
        assert gone.status == 404, "it may change things, its Origin being an extension's"
    async with kept.begin() as connection:
        labels = [row[0] for row in await connection.execute(text("SELECT label FROM sessions"))]
    assert "browser extension" in labels


async def test_saying_yes_twice_is_harmless(server: TestServer, session: ClientSession) -> None:
    person = await signed_in(server, session)
    for _ in range(2):
        assert (await person.post("/pair", data={"key": KEY}, headers={"Origin": person.base})).status == 200


async def test_another_sites_page_cannot_say_yes(server: TestServer, session: ClientSession) -> None:
    person = await signed_in(server, session)
    answer = await person.post("/pair", data={"key": KEY}, headers={"Origin": "https://evil.example"})
    assert answer.status == 403
    assert (await person.get("/api/scans", headers=EXTENSION)).status == 401


async def test_a_stranger_is_sent_to_sign_in_and_back(stranger: Client) -> None:
    answer = await stranger.get(f"/pair?key={KEY}", headers={"Accept": "text/html"})
    assert answer.status == 303
    assert answer.headers["Location"] == f"/login?next=/pair?key%3D{KEY}"


@pytest.mark.parametrize("key", ["", "x", KEY.upper(), KEY + "0", "<script>alert(1)</script>"])
async def test_what_is_no_fingerprint_is_refused(server: TestServer, session: ClientSession, key: str) -> None:
    person = await signed_in(server, session)
    for answer in (
        await person.get("/pair", params={"key": key}),
        await person.post("/pair", data={"key": key}, headers={"Origin": person.base}),
    ):
        assert answer.status == 400
        assert "<script>alert" not in await answer.text()
