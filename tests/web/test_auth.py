"""Who may ask: the token, the one-time link, the session; and that strangers are served nothing."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from sqlalchemy import text
from yarl import URL

from server.app import create_app
from server.contract.errors import SettingsError
from server.settings import Settings
from server.store import access
from server.store.database import Database
from server.web.http.auth import COOKIE
from server.web.http.limits import RATES
from server.web.http.token import LEAST_LENGTH, Token
from server.web.pages.login import inside, login_link
from server.web.routes import ROUTES
from tests.web.conftest import TOKEN, Client, signed_in

FREE = {"/login", "/static"}
ON_LOOPBACK = {"/healthz", "/readyz", "/metrics", "/api/openapi.json", "/api/docs"}
ROUTE_LIST = [(route.method, route.path) for route in ROUTES if isinstance(route, web.RouteDef)]
ID = "5b3e6a0e-0000-4000-8000-000000000000"
EXAMPLE = {"{id}": ID, "{collection}": ID, "{filter}": ID, "{sha256}": "0" * 64, "{chart:[a-z]+}": "scans"}


def filled(path: str) -> str:
    for name, value in EXAMPLE.items():
        path = path.replace(name, value)
    assert "{" not in path, path
    return path


async def test_nobody_gets_anything_of_the_api(stranger: Client) -> None:
    for method, path in ROUTE_LIST:
        if path in FREE or path in ON_LOOPBACK:
            continue
        answer = await stranger.ask(method, filled(path))
        assert answer.status == 401, (method, path)
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_from_elsewhere_even_the_open_routes_need_the_token(stranger: Client, client: Client) -> None:
    for path in ON_LOOPBACK | {"/nowhere"}:
        forwarded = {"X-Forwarded-For": "203.0.113.9"}  # a proxy on this machine passes a stranger on
        assert (await stranger.get(path, headers=forwarded)).status == 401, path
        assert (await client.get(path, headers=forwarded)).status != 401, path
        assert (await stranger.get(path)).status != 401, path


@pytest.mark.parametrize("value", ["Bearer wrong", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer \u00fc"])
async def test_a_wrong_token_is_refused_even_where_none_is_needed(stranger: Client, value: str) -> None:
    answer = await stranger.get("/healthz", headers={"Authorization": value})
    assert answer.status == 401
    assert (await answer.json())["code"] == "unauthorized"


async def test_guessing_tokens_is_slowed_down(stranger: Client) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    for _ in range(RATES["login"].burst):
        assert (await stranger.get("/api/scans", headers=wrong)).status == 401
    answer = await stranger.get("/api/scans", headers=wrong)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_browser_is_sent_to_sign_in(stranger: Client) -> None:
    answer = await stranger.get("/scans/abc?x=1&y=2", headers={"Accept": "text/html"})
    assert answer.status == 303
    assert URL(answer.headers["Location"]).query == {"next": "/scans/abc?x=1&y=2"}


async def test_the_link_signs_in_once_and_looking_at_it_does_not_use_it(
    stranger: Client, web_settings: Settings, kept: Database
) -> None:
    link = urlsplit(await login_link(kept, web_settings, stranger.server.port))
    path = f"{link.path}?{link.query}"
    for _ in range(3):  # a chat window's preview, a prefetch, the person
        answer = await stranger.get(path)
        assert answer.status == 200
        assert COOKIE not in answer.cookies
    code = link.query.removeprefix("code=")
    own = {"Origin": stranger.base}
    answer = await stranger.post("/login", data={"code": code, "next": "/scans/x"}, headers=own)
    assert (answer.status, answer.headers["Location"]) == (303, "/scans/x")
    cookie = answer.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert (await stranger.get("/")).status == 200
    again = await stranger.post("/login", data={"code": code}, headers=own)
    assert again.status == 401
    assert "has been used" in await again.text()


async def test_a_code_that_is_too_old_is_refused(stranger: Client, web_settings: Settings, kept: Database) -> None:
    link = await login_link(kept, web_settings)
    async with kept.begin() as connection:
        await connection.execute(text("UPDATE login_codes SET expires_at = now() - interval '1 second'"))
    answer = await stranger.post("/login", data={"code": link.partition("code=")[2]}, headers={"Origin": stranger.base})
    assert answer.status == 401


async def test_only_hashes_are_kept(server: TestServer, session: ClientSession, web_settings: Settings, kept: Database) -> None:
    link = await login_link(kept, web_settings)
    await signed_in(server, session)
    key = next(cookie.value for cookie in session.cookie_jar if cookie.key == COOKIE)
    async with kept.begin() as connection:
        rows = await connection.execute(text("SELECT code_hash FROM login_codes UNION ALL SELECT id_hash FROM sessions"))
        stored = [bytes(row[0]) for row in rows]
    assert len(stored) == 2
    for secret in (link.partition("code=")[2], key):
        assert not any(secret.encode() in row for row in stored)


async def test_signing_out_ends_the_session(server: TestServer, session: ClientSession) -> None:
    page = await signed_in(server, session)
    key = next(cookie.value for cookie in session.cookie_jar if cookie.key == COOKIE)
    assert (await page.get("/api/scans")).status == 200
    assert (await page.post("/logout", headers={"Origin": page.base})).status == 303
    assert (await page.get("/api/scans", headers={"Cookie": f"{COOKIE}={key}"})).status == 401


async def test_a_session_that_is_too_old_or_closed_from_outside_is_refused(
    server: TestServer, session: ClientSession, kept: Database
) -> None:
    page = await signed_in(server, session)
    assert await access.close_all(kept) == 1
    assert (await page.get("/api/scans")).status == 401


@pytest.mark.parametrize("form", [{}, {"code": "x"}, {"token": "wrong"}, {"code": "\ud800".encode("utf-8", "replace").decode()}])
async def test_a_wrong_sign_in_is_refused(stranger: Client, form: dict[str, str]) -> None:
    answer = await stranger.post("/login", data=form, headers={"Origin": stranger.base})
    assert answer.status == 401


async def test_signing_in_from_another_site_is_refused(stranger: Client) -> None:
    answer = await stranger.post("/login", data={"token": TOKEN}, headers={"Origin": "https://evil.example"})
    assert answer.status == 403


async def test_guessing_codes_is_slowed_down(stranger: Client) -> None:
    own = {"Origin": stranger.base}
    answers = [await stranger.post("/login", data={"code": "guess"}, headers=own) for _ in range(RATES["login"].burst + 1)]
    assert [answer.status for answer in answers][-2:] == [401, 429]


async def test_coming_from_another_site_offers_one_more_step(stranger: Client) -> None:
    answer = await stranger.get("/login?next=/scans/x", headers={"Sec-Fetch-Site": "cross-site"})
    assert 'href="/scans/x"' in await answer.text()


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "", None, "/a\nb", "/login?x", "/logout"],
)
def test_signing_in_never_leads_elsewhere(path: str | None) -> None:
    assert inside(path) == "/"


def test_signing_in_leads_where_one_wanted_to_go() -> None:
    assert inside("/scans/x?y=1") == "/scans/x?y=1"


def test_the_token_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = Token(Settings(data_dir=folder))
    assert (folder / "token").stat().st_mode & 0o777 == 0o600
    assert len(first.value) >= 40
    assert Token(Settings(data_dir=folder)).value == first.value
    assert [path.name for path in folder.iterdir()] == ["token"]


def test_a_rotated_token_holds_at_once_in_a_running_server(tmp_path: Path) -> None:
    running, command = Token(Settings(data_dir=tmp_path)), Token(Settings(data_dir=tmp_path))
    old = running.value
    new = command.rotate()
    assert new != old
    assert running.matches(new)
    assert not running.matches(old)
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_a_token_that_others_could_read_is_closed_again(tmp_path: Path) -> None:
    Token(Settings(data_dir=tmp_path))
    (tmp_path / "token").chmod(0o644)
    assert Token(Settings(data_dir=tmp_path)).value
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_a_given_token_is_taken_and_not_rotated(tmp_path: Path) -> None:
    token = Token(Settings(data_dir=tmp_path, token=SecretStr("x" * LEAST_LENGTH)))
    assert token.value == "x" * LEAST_LENGTH
    assert not list(tmp_path.iterdir())
    with pytest.raises(SettingsError, match="MEDLENS_TOKEN"):
        token.rotate()


def test_a_short_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="shorter than"):
        create_app(Settings(data_dir=tmp_path, token=SecretStr("x" * (LEAST_LENGTH - 1))))


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="MEDLENS_DATA_DIR"):
        Token(Settings(data_dir=tmp_path / "file"))
