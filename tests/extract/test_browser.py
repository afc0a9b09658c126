"""The browser's life: found, warm, walled in, replaced after a crash, and gone without a trace."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.async_api import Error as PlaywrightError

from server.errors import BrowserMissing, RenderError
from server.extract import chromium
from server.extract.browser import Browser, find_chromium
from server.settings import Settings
from server.source.egress import EgressProxy
from server.source.guard import Guard
from tests.extract.conftest import look, loopback
from tests.site import Site, page, picture

HOLDS_ONE = """
import asyncio
from server.extract.browser import Browser
from server.settings import Settings

async def hold():
    async with Browser(Settings()) as browser:
        await browser.start()
        print("warm", flush=True)
        await asyncio.sleep(600)

asyncio.run(hold())
"""
needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes through /proc")


def descendants(root: int) -> Iterator[int]:
    """Processes below `root`."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    below = {root}
    while new := {pid for pid, parent in parents.items() if parent in below} - below:
        yield from new
        below |= new


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


async def gone(pids: set[int], limit_s: float = 10) -> bool:
    """Whether all of them end (a zombie, which has no command left, has ended)."""
    async with asyncio.timeout(limit_s):
        while any(command(pid) for pid in pids):
            await asyncio.sleep(0.05)
    return True


def program(folder: Path, name: str) -> Path:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("#!/bin/sh\nexit 1\n")
    place.chmod(0o755)
    return place


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a browser: PATH and Playwright's folder are empty."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "downloads"))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def test_the_setting_comes_first(bare: Path) -> None:
    program(bare, "bin/chromium")
    own = program(bare, "own-chromium")
    assert find_chromium(Settings(chromium=own)) == own


def test_a_setting_that_names_nothing_is_told(bare: Path) -> None:
    with pytest.raises(BrowserMissing, match="MEDLENS_CHROMIUM"):
        find_chromium(Settings(chromium=bare / "nothing"))


def test_an_installed_one_comes_before_a_download(bare: Path) -> None:
    program(bare, "downloads/chromium-1300/chrome-linux64/chrome")
    newer = program(bare, "downloads/chromium-1400/chrome-linux64/chrome")
    program(bare, "downloads/chromium_headless_shell-1500/chrome-headless-shell-linux64/chrome-headless-shell")
    assert find_chromium(Settings()) == newer
    installed = program(bare, "bin/microsoft-edge")
    assert find_chromium(Settings()) == installed


@pytest.mark.parametrize(
    ("platform", "variable", "place"),
    [
        ("win32", "PROGRAMFILES", "Google/Chrome/Application/chrome.exe"),
        ("win32", "LOCALAPPDATA", "Microsoft/Edge/Application/msedge.exe"),
        ("darwin", "HOME", "Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    ],
)
def test_the_usual_places(bare: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, place: str) -> None:
    monkeypatch.setattr(chromium.shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(bare / "home"))
    expected = program(bare / "home", place)
    assert find_chromium(Settings()) == expected


async def test_without_a_browser_it_says_how_to_get_one(bare: Path) -> None:
    assert find_chromium(Settings()) is None
    async with Browser(Settings()) as browser:
        with pytest.raises(BrowserMissing, match="playwright install chromium"):
            await browser.start()


async def test_a_program_that_is_no_browser(bare: Path) -> None:
    async with Browser(Settings(chromium=program(bare, "chrome"))) as browser:
        with pytest.raises(RenderError, match="does not start"):
            await browser.start()
        assert not browser.running


async def test_it_starts_when_first_needed_and_only_once(browser: Browser) -> None:
    async with Browser(Settings()) as own:
        assert not own.running
        await asyncio.gather(own.start(), own.start())
        assert own.running
        first = own._chromium
        async with own.context("http://127.0.0.1:9"):
            assert own.contexts == 1
        assert own._chromium is first
        assert own.contexts == 0
    assert not own.running


async def test_loopback_goes_through_the_proxy_and_nothing_past_it(browser: Browser, site: Site) -> None:
    site.add("/", page("hello"))
    settings = Settings()
    async with EgressProxy(Guard(settings), settings) as proxy, browser.context(proxy.url) as context:
        tab = await context.new_page()
        answer = await tab.goto(site.url("/"))
        assert answer is not None and answer.status == 403
        assert [refusal.code for refusal in proxy.refusals] == ["address_not_allowed"]
    async with browser.context("http://127.0.0.1:9") as context:
        tab = await context.new_page()
        with pytest.raises(PlaywrightError, match="PROXY"):
            await tab.goto(site.url("/"))
    assert site.hits.total() == 0


async def test_what_a_page_may_not(browser: Browser, site: Site) -> None:
    site.add("/worker.js", "", "text/javascript")
    site.add("/", page("<p>hi"))
    script = """async () => {
      const worker = await navigator.serviceWorker.register("/worker.js").then(() => "registered", () => "refused");
      const place = await new Promise((done) => navigator.geolocation.getCurrentPosition(
        () => done("told"), () => done("refused")));
      const peer = new RTCPeerConnection({ iceServers: [{ urls: "stun:127.0.0.1:3478" }] });
      peer.createDataChannel("x");
      const seen = [];
      peer.onicecandidate = (event) => event.candidate && seen.push(event.candidate.candidate);
      await peer.setLocalDescription(await peer.createOffer());
      await new Promise((done) => setTimeout(done, 500));
      return { worker, place, udp: seen.filter((line) => / udp /i.test(line)) };
    }"""
    settings = loopback()
    async with EgressProxy(Guard(settings), settings) as proxy, browser.context(proxy.url) as context:
        tab = await context.new_page()
        await tab.goto(site.url("/"))
        answer = await tab.evaluate(script)
    assert answer["place"] == "refused"
    assert answer["udp"] == []
    assert site.hits["/worker.js"] == 0, answer["worker"]


async def test_contexts_share_nothing(browser: Browser, site: Site) -> None:
    site.add("/set", page("set"), headers={"Set-Cookie": "who=me"})
    site.add("/", page("hello"))
    settings = loopback()
    async with EgressProxy(Guard(settings), settings) as proxy:
        for path in ("/set", "/"):
            async with browser.context(proxy.url) as context:
                await (await context.new_page()).goto(site.url(path))
    assert "Cookie" not in site.seen["/"]


@needs_proc
@pytest.mark.parametrize("victim", ["--remote-debugging-pipe", "run-driver"])
async def test_a_crash_is_followed_by_a_relaunch(victim: str) -> None:
    async with Browser(Settings()) as own:
        before = set(descendants(os.getpid()))
        await own.start()
        for pid in set(descendants(os.getpid())) - before:
            if victim in command(pid) and "--type=" not in command(pid):
                os.kill(pid, signal.SIGKILL)
        async with own.context("http://127.0.0.1:9") as context:
            assert await (await context.new_page()).evaluate("1 + 1") == 2


@needs_proc
async def test_a_crash_during_a_visit_is_named_and_the_next_one_works(site: Site) -> None:
    data = picture(seed=40)
    site.add("/a.png", data, "image/png")
    site.add("/", page("<img src=/a.png>"))
    site.add("/held", page("<img src=/a.png><img src='/slow?s=60'>"))
    before = set(descendants(os.getpid()))
    async with Browser(Settings()) as own:
        visit = asyncio.create_task(look(own, site.url("/held"), loopback()))
        while site.hits["/slow"] == 0:
            await asyncio.sleep(0.05)
        for pid in set(descendants(os.getpid())) - before:
            if "--remote-debugging-pipe" in command(pid) and "--type=" not in command(pid):
                os.kill(pid, signal.SIGKILL)
        with pytest.raises(RenderError, match="lost"):
            await visit
        assert (await look(own, site.url("/"), loopback())).images == {data}


@needs_proc
async def test_stop_leaves_no_process() -> None:
    own = Browser(Settings())
    before = set(descendants(os.getpid()))
    await own.start()
    started = set(descendants(os.getpid())) - before
    assert len(started) > 3
    await own.stop()
    await own.stop()
    assert await gone(started)


@needs_proc
async def test_killing_the_process_leaves_no_browser() -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDS_ONE, stdout=asyncio.subprocess.PIPE)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"warm\n"
    started = set(descendants(holder.pid))
    assert len(started) > 3
    holder.kill()
    await holder.wait()
    assert await gone(started)


async def test_visits_at_once_do_not_mix(browser: Browser, site: Site) -> None:
    images = {number: picture(seed=70 + number) for number in range(3)}
    for number, data in images.items():
        site.add(f"/{number}.png", data, "image/png")
        site.add(f"/{number}", page(f"<img src=/{number}.png>"))
    seen = await asyncio.gather(*(look(browser, site.url(f"/{number}"), loopback()) for number in images))
    assert [one.images for one in seen] == [{data} for data in images.values()]
    assert browser.contexts == 0


async def test_sites_meet_the_browser_as_with_a_window(browser: Browser, site: Site) -> None:
    site.add("/who.html", "<p>who?")
    async with EgressProxy(Guard(loopback()), loopback()) as proxy, browser.context(proxy.url) as context:
        tab = await context.new_page()
        await tab.goto(site.url("/who.html"))
        assert "Headless" not in await tab.evaluate("navigator.userAgent")
    assert "Headless" not in site.seen["/who.html"]["User-Agent"]
    assert "Headless" not in site.seen["/who.html"].get("sec-ch-ua", "")
