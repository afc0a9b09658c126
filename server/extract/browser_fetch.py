"""Downloads one file by navigating the browser to it, for sites that refuse plain clients.

The response is taken before Chromium shows it or starts a download. It comes through the egress proxy, with the limits of
server/source/fetch.py.
"""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from typing import Any

from playwright.async_api import CDPSession
from playwright.async_api import Error as PlaywrightError

from server.contract.errors import ConnectionFailed, HttpStatus, TimedOut, TooLarge
from server.extract.browser import Browser, Login
from server.extract.navigation import status_error
from server.settings import Settings

DOCUMENTS = [{"urlPattern": "*", "resourceType": "Document", "requestStage": "Response"}]


async def fetch_by_browser(url: str, browser: Browser, proxy_url: str, settings: Settings, login: Login | None = None) -> bytes:
    """The bytes at `url`. Raises HttpStatus, TooLarge, TimedOut, ConnectionFailed, BrowserMissing, BrowserBusy or RenderError."""
    async with browser.context(proxy_url, login=login, url=url) as context:
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        tasks: set[asyncio.Task[None]] = set()

        def paused(event: dict[str, Any]) -> None:
            task = asyncio.create_task(_take(event, session, answer, settings.max_download_bytes))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        session.on("Fetch.requestPaused", paused)
        await session.send("Fetch.enable", {"patterns": DOCUMENTS})
        going = asyncio.create_task(page.goto(url, wait_until="commit", timeout=settings.page_timeout_s * 1000))
        try:
            async with asyncio.timeout(settings.page_timeout_s):
                await asyncio.wait((going, answer), return_when=asyncio.FIRST_COMPLETED)
                if not answer.done() and not tasks:
                    raise ConnectionFailed(f"{url} gave the browser no answer")
                return await answer
        except TimeoutError:
            raise TimedOut(f"{url} did not answer the browser within {settings.page_timeout_s:g} s") from None
        finally:
            going.cancel()
            await asyncio.gather(going, *tasks, return_exceptions=True)
            if answer.done() and not answer.cancelled():
                answer.exception()


async def _take(event: dict[str, Any], session: CDPSession, answer: asyncio.Future[bytes], limit: int) -> None:
    """Continue redirects; take the body of the last response, and end its request."""
    request, status = {"requestId": event["requestId"]}, event.get("responseStatusCode", 0)
    headers = {one["name"].lower(): one["value"] for one in event.get("responseHeaders", ())}
    with suppress(PlaywrightError):
        if 300 <= status < 400 and "location" in headers:
            await session.send("Fetch.continueRequest", request)
            return
        try:
            data = await _body(event["request"]["url"], status, headers, session, request, limit)
            if not answer.done():
                answer.set_result(data)
        except (HttpStatus, TooLarge, ConnectionFailed) as error:
            if not answer.done():
                answer.set_exception(error)
        await session.send("Fetch.failRequest", {**request, "errorReason": "Aborted"})


async def _body(url: str, status: int, headers: dict[str, str], session: CDPSession, request: dict[str, str], limit: int) -> bytes:
    if status >= 400:
        raise status_error(url, status)
    if (length := headers.get("content-length", "")).isdigit() and int(length) > limit:
        raise TooLarge(f"{url} has {length} bytes, more than MEDLENS_MAX_DOWNLOAD_BYTES ({limit})")
    try:
        body = await session.send("Fetch.getResponseBody", request)
    except PlaywrightError as error:
        raise ConnectionFailed(f"{url} did not arrive completely: {str(error).splitlines()[0][:200]}") from None
    data = base64.b64decode(body["body"]) if body["base64Encoded"] else body["body"].encode()
    if len(data) > limit:
        raise TooLarge(f"{url} has {len(data)} bytes, more than MEDLENS_MAX_DOWNLOAD_BYTES ({limit})")
    return data
