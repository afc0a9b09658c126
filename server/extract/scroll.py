"""Waits until a page has loaded and scrolls it to its end, so that lazy images load. Time and height are bounded.

A page has loaded when its load event came, or when for a short time nothing was loading that may bring images.
"""

from __future__ import annotations

import asyncio
import time

from playwright.async_api import Page

from server.extract.isolated_world import CONSENT, SCROLL, IsolatedWorld
from server.extract.responses import Responses

LOAD_LIMIT_S = 15.0  # a load event that is later may never come
LOAD_QUIET_S = 1.0  # without a load event: nothing was loading for this long
REST_LIMIT_S = 8.0  # a little more than IMAGE_TIMEOUT_S: by then every image has arrived or timed out
STEP = 0.9  # of the window's height, so that every element is inside the window once, as lazy loading needs
MAX_SCROLL_PX = 40_000  # about forty windows
MAX_SCROLL_S = 12.0
END_LIMIT_S = 3.0  # at the foot of a page, for what it loads next
END_QUIET_S = 0.2


async def wait_until_loaded(page: Page, responses: Responses) -> None:
    """Wait for the load event, or until nothing is loading: one image that never comes delays the event. Raises PageMoved."""
    event = asyncio.ensure_future(page.wait_for_load_state("load", timeout=LOAD_LIMIT_S * 1000))
    quiet = asyncio.ensure_future(responses.quiet(LOAD_LIMIT_S, LOAD_QUIET_S))
    try:
        done, _ = await asyncio.wait((event, quiet), return_when=asyncio.FIRST_COMPLETED)
        if quiet in done:
            quiet.result()
    finally:
        event.cancel()
        quiet.cancel()
        await asyncio.gather(event, quiet, return_exceptions=True)


async def scroll_through(world: IsolatedWorld, responses: Responses, image_timeout_s: float) -> bool:
    """Scroll the page to its end and back to the top; returns whether the end was reached. Raises PageMoved, PlaywrightError."""
    await responses.quiet(REST_LIMIT_S)
    await world.run(CONSENT)
    until = time.monotonic() + MAX_SCROLL_S
    ended = False
    while time.monotonic() < until:
        position = await world.run(SCROLL, STEP)
        if position["bottom"] >= MAX_SCROLL_PX:
            break
        if position["bottom"] + 2 < position["height"]:
            continue
        await responses.quiet(END_LIMIT_S, END_QUIET_S)
        after = await world.run(SCROLL, STEP)
        if after["height"] <= position["height"] + 2:
            ended = True
            break
    await world.run(SCROLL, 0)
    await responses.quiet(min(REST_LIMIT_S, image_timeout_s + 1))
    await world.run(CONSENT)
    return ended
