"""Brings a page to rest and scrolls it to its end, so that lazy images load: bounded in time and height, for pages without end.

At rest means: the load event was seen, and for a short time nothing was under way that brings images. Knows no image.
"""

from __future__ import annotations

import asyncio
import time

from playwright.async_api import Page

from server.extract.isolated_world import CONSENT, SCROLL, IsolatedWorld
from server.extract.responses import Responses

LOAD_LIMIT_S = 15.0  # a page whose load event has not come by then waits for something that may never come
LOAD_QUIET_S = 1.0  # or without the event, when nothing was under way for this long
REST_LIMIT_S = 8.0  # a little more than IMAGE_TIMEOUT_S: by then every image has come or is given up
STEP = 0.9  # of the window's height: observers of single elements must see each of them pass
MAX_SCROLL_PX = 40_000  # about forty windows
MAX_SCROLL_S = 12.0
END_LIMIT_S = 3.0  # at the foot of a page, for what it loads next
END_QUIET_S = 0.2


async def loaded(page: Page, responses: Responses) -> None:
    """Wait for the load event, or for rest: an image that never comes holds up the event alone. Raises PageMoved."""
    event = asyncio.ensure_future(page.wait_for_load_state("load", timeout=LOAD_LIMIT_S * 1000))
    rest = asyncio.ensure_future(responses.quiet(LOAD_LIMIT_S, LOAD_QUIET_S))
    try:
        done, _ = await asyncio.wait((event, rest), return_when=asyncio.FIRST_COMPLETED)
        if rest in done:
            rest.result()
    finally:
        event.cancel()
        rest.cancel()
        await asyncio.gather(event, rest, return_exceptions=True)


async def scroll_through(world: IsolatedWorld, responses: Responses, image_timeout_s: float) -> bool:
    """Scroll the page to its end and back to its top; tell whether the end was reached. Raises PageMoved, PlaywrightError."""
    await responses.quiet(REST_LIMIT_S)
    await world.run(CONSENT)
    until = time.monotonic() + MAX_SCROLL_S
    ended = False
    while time.monotonic() < until:
        at = await world.run(SCROLL, STEP)
        if at["bottom"] >= MAX_SCROLL_PX:
            break
        if at["bottom"] + 2 < at["height"]:
            continue
        await responses.quiet(END_LIMIT_S, END_QUIET_S)
        after = await world.run(SCROLL, STEP)
        if after["height"] <= at["height"] + 2:
            ended = True
            break
    await world.run(SCROLL, 0)
    await responses.quiet(min(REST_LIMIT_S, image_timeout_s + 1))
    await world.run(CONSENT)
    return ended
