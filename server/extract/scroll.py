"""Waits until a page has loaded, and scrolls it and the boxes inside it to their ends, so that lazy images load.

Time, height, boxes and steps are bounded.

A page has loaded after its load event, or when nothing that may lead to images was loading for a short time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from contextlib import suppress

from playwright.async_api import CDPSession, Page
from playwright.async_api import Error as PlaywrightError

from server.extract.isolated_world import CONSENT, SCROLL, SCROLL_BOXES, IsolatedWorld, isolated_worlds
from server.extract.responses import Responses

LOAD_LIMIT_S = 15.0  # a later load event may never come
LOAD_QUIET_S = 1.0  # without a load event: nothing was loading for this long
REST_LIMIT_S = 8.0  # a little more than IMAGE_TIMEOUT_S: by then every image has arrived or timed out
STEP = 0.9  # of the window's height, so that every element is inside the window once, as lazy loading needs
MAX_SCROLL_PX = 40_000  # about forty windows
MAX_SCROLL_S = 12.0
END_LIMIT_S = 3.0  # for what a page loads when its end is reached
END_QUIET_S = 0.2
# Boxes that scroll inside, and frames. A row of twelve slides takes half a second.
MAX_BOXES = 60  # of one frame
MAX_STEPS = 60  # of one box, as many windows as MAX_SCROLL_PX has
MAX_BOXES_S = 8.0  # of all frames together
MAX_ROUNDS = 3  # boxes may grow while they are scrolled, and loading may add new ones
FRAME_SLACK_S = 1.0  # beyond a frame's own budget; one that takes longer hangs
PUT_BACK = """() => {
  for (const [box, [left, top]] of globalThis.medlensHomes ?? []) box.scrollTo({ left, top, behavior: "instant" });
}"""


async def wait_until_loaded(page: Page, responses: Responses) -> None:
    """Wait for the load event, which one slow image can delay, or until nothing is loading. Raises PageMoved."""
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


async def scroll_through(world: IsolatedWorld, responses: Responses) -> bool:
    """Scroll the page to its end; returns whether the end was reached. Raises PageMoved, PlaywrightError."""
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
    return ended


async def return_to_top(world: IsolatedWorld, responses: Responses, image_timeout_s: float) -> None:
    """Scroll the page back to its top and wait until its images have arrived. Raises PageMoved, PlaywrightError."""
    await world.run(SCROLL, 0)
    await responses.quiet(min(REST_LIMIT_S, image_timeout_s + 1))
    await world.run(CONSENT)


async def scroll_boxes(page: Page, session: CDPSession, responses: Responses, min_side: int, viewers: Collection[str]) -> int:
    """Scroll the boxes and frames inside the page to their ends; returns how many did not reach it.

    `viewers`: addresses of frames whose file is read instead. Raises PageMoved, PlaywrightError.
    """
    until = time.monotonic() + MAX_BOXES_S
    unfinished = 0
    limits = {"minSide": min_side, "maxBoxes": MAX_BOXES, "maxSteps": MAX_STEPS, "viewers": list(viewers)}
    for _ in range(MAX_ROUNDS):
        scrolled = unfinished = 0
        worlds = await isolated_worlds(page, session)
        for place, world in enumerate(worlds):
            left = max(0.0, until - time.monotonic())
            options = {**limits, "top": place == 0, "budgetMs": left * 1000}
            try:
                found = await world.run(SCROLL_BOXES, options, with_closed_roots=True, timeout_s=left + FRAME_SLACK_S)
            except (PlaywrightError, TimeoutError):
                if place == 0:
                    raise
                continue
            scrolled += found["boxes"]
            unfinished += found["unfinished"]
        if scrolled:
            await _put_back(worlds)
        if not scrolled or time.monotonic() > until:
            break
        await responses.quiet(END_LIMIT_S, END_QUIET_S)
    return unfinished


async def _put_back(worlds: Sequence[IsolatedWorld]) -> None:
    """Scroll all boxes back to their first position, outer frames last, so that places are those of the page when it was opened."""
    for world in reversed(worlds):
        with suppress(PlaywrightError, TimeoutError):
            await world.run(PUT_BACK, timeout_s=FRAME_SLACK_S)
