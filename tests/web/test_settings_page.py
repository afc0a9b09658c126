"""Settings and health: every value with its source, who may look and revoking it, a new token, and cleaning up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect
from sqlalchemy import text

from server.app import create_app
from server.settings import PREFIX, Settings
from server.store import access, corrections, deletion, storage, thumbnails, verdicts
from server.store.database import Database
from server.web.http.token import fingerprint
from server.web.pages.login import SESSION_LIFE
from server.web.pages.pairing import EXTENSION_LIFE, LABEL
from tests.judged import MODEL, digest, judged
from tests.web.conftest import TOKEN, Client, scanned, signed_in, webp
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways, statements

EXTENSION = "an-extensions-own-token"


async def paired(kept: Database) -> None:
    await access.open_session(kept, fingerprint(EXTENSION), EXTENSION_LIFE, LABEL)


async def test_every_setting_is_listed_with_its_source_and_no_secret(
    browsed: Page, kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLENS_BATCH_SIZE", "16")
    await scanned(kept, judged("a", "ct", thumbnail=webp()))
    await browsed.goto("/settings")
    for name in Settings.model_fields:
        await expect(browsed.locator(".every code", has_text=re.compile(f"^{PREFIX}{name.upper()}$"))).to_have_count(1)
    row = browsed.locator(".every tr", has_text="MEDLENS_BATCH_SIZE")
    await expect(row).to_contain_text("environment")
    words = await browsed.locator("main").inner_text()
    assert TOKEN not in words
    assert "set (hidden)" in words
    for part in ("Database", "Tables", "Worker", "Weights", MODEL, "thumbnails", "this one"):
        assert part in words, part


async def test_an_extension_is_revoked(browsed: Page, kept: Database, server: TestServer, session: ClientSession) -> None:
    await paired(kept)
    extension = Client(server, session, EXTENSION)
    assert (await extension.get("/api/scans")).status == 200
    await browsed.goto("/settings")
    await browsed.get_by_role("button", name="Revoke").click()
    await expect(browsed.locator(".notice")).to_contain_text("Access was revoked")
    await expect(browsed.locator("#content")).to_contain_text("None. Start from the extension's own settings.")
    assert (await extension.get("/api/scans")).status == 401


async def test_what_a_token_may_not_do(client: Client, server: TestServer, kept: Database) -> None:
    """A paired extension, or whoever holds the token, rotates nobody out and deletes nothing here."""
    await paired(kept)
    own = {"Origin": client.base}
    for path, data in [("/settings/token", {"sure": "yes"}), ("/settings/revoke", {"session": "0" * 64})]:
        assert (await client.post(path, data=data, headers=own)).status == 403
    assert (await client.post("/api/clean-up", json={}, headers=own)).status == 403
    assert (await client.get("/api/clean-up")).status == 200


@pytest.fixture
def own_token(web_settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Settings whose token is made and kept in a folder, as it is when nobody gives one."""
    yield web_settings.model_copy(update={"token": None, "data_dir": tmp_path})


async def test_a_new_token_ends_all_others(own_token: Settings, session: ClientSession, server: TestServer) -> None:
    app: web.Application = create_app(own_token)
    async with TestServer(app, host="127.0.0.1") as fresh:
        old = (own_token.data_dir / "token").read_text().strip()
        page = Client(fresh, session)
        assert (await page.post("/login", data={"token": old}, headers={"Origin": page.base})).status == 303
        from server.web.http.keys import DATABASE

        await paired(app[DATABASE])
        await access.open_session(app[DATABASE], fingerprint("another browser"), SESSION_LIFE, "Another")
        assert (await page.post("/settings/token", data={}, headers={"Origin": page.base})).status == 400
        assert (own_token.data_dir / "token").read_text().strip() == old
        answer = await page.post("/settings/token", data={"sure": "yes"}, headers={"Origin": page.base})
        assert (answer.status, answer.headers["Location"]) == (303, "/settings?done=token")
        new = (own_token.data_dir / "token").read_text().strip()
        told = await (await page.get("/settings?done=token")).text()  # this browser stays
        assert "There is a new token" in told
        assert not {old, new} & set(re.findall(r"[\w-]{20,}", told))
        assert [one.label == LABEL for one in await access.open_sessions(app[DATABASE])] == [False]
        assert (await page.get("/api/scans", headers={"Authorization": f"Bearer {old}"})).status == 401
        assert (await page.get("/api/scans", headers={"Authorization": f"Bearer {new}"})).status == 200


async def leftovers(kept: Database) -> None:
    """A scan that was deleted an hour ago with two pictures, one of them corrected; and one that stays."""
    gone = await scanned(kept, judged("a", "ct", thumbnail=webp()), judged("b", "ct", thumbnail=webp()))
    await scanned(kept, judged("c", "ct", thumbnail=webp()))
    await corrections.correct(kept, digest("b"), "mri")
    for version in (MODEL, "older"):
        await thumbnails.keep_heatmap(kept, digest("c"), version, b"png")
    await deletion.delete_scans(kept, [gone])
    async with kept.begin() as connection:
        await connection.execute(text("UPDATE scans SET deleted_at = deleted_at - interval '1 hour'"))


async def test_a_person_looks_and_then_cleans_up(browsed: Page, kept: Database) -> None:
    await leftovers(kept)
    await browsed.goto("/settings")
    sweep = browsed.get_by_role("button", name="Delete it")
    await expect(sweep).to_be_hidden()
    await browsed.get_by_role("button", name="Show what can be deleted").click()
    await expect(browsed.locator("#clean li").first).to_have_text("1 deleted scans")
    await sweep.click()
    await expect(browsed.locator("#clean li").first).to_have_text("Deleted.")
    await browsed.get_by_role("button", name="Show what can be deleted").click()
    await expect(browsed.locator("#clean li")).to_have_text(["Nothing to clean up."])
    assert set(await verdicts.lookup(kept, [digest(name) for name in "abc"], MODEL)) == {digest("b"), digest("c")}
    assert await thumbnails.kept(kept, [digest(name) for name in "abc"]) == {digest("b"), digest("c")}


async def test_cleaning_up_keeps_what_is_used(kept: Database) -> None:
    await leftovers(kept)
    found = await storage.remove_unused(kept, MODEL)
    assert (found.scans, found.heatmaps) == (1, 1)
    assert await thumbnails.heatmap(kept, digest("c"), MODEL) == b"png"
    assert await thumbnails.heatmap(kept, digest("c"), "older") is None
    again = await storage.find_unused(kept, MODEL)
    assert (again.scans, again.thumbnails, again.heatmaps, again.images) == (0, 0, 0, 0)


async def test_the_page_asks_the_database_a_fixed_number_of_times(
    server: TestServer, session: ClientSession, kept: Database
) -> None:
    page = await signed_in(server, session)
    for n in range(5):
        await scanned(kept, judged(str(n), "ct"))
    await page.get("/settings")
    with statements(kept) as asked:
        assert (await page.get("/settings")).status == 200
    assert len([one for one in asked if "procrastinate" not in one]) == 8, asked


@needs_axe
async def test_axe_finds_nothing(browsed: Page, kept: Database) -> None:
    await paired(kept)
    await leftovers(kept)
    for size in (DESK, PHONE):
        await browsed.set_viewport_size(size)  # type: ignore[arg-type]
        await browsed.goto("/settings?done=token")
        assert await axe_finds(browsed) == []
        assert not await sideways(browsed)
