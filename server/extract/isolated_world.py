"""Runs our scripts in the frames of a page, in isolated worlds, which share the page's DOM but none of its functions.

This module also finds what scripts cannot: frames of other sites with their position on the page, and closed shadow roots. These
are taken from Chromium's own view of the DOM, which has those made by the parser and those made by scripts.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from playwright.async_api import CDPSession, Frame, Page
from playwright.async_api import Error as PlaywrightError

WORLD_NAME = "medlens"
MAX_FRAMES = 40  # advertising pages nest dozens of empty ones
# The snapshot that contains closed roots takes a second for this many elements; it is not taken of larger pages.
MAX_SNAPSHOT_ELEMENTS = 40_000
MAX_CLOSED_ROOTS = 500
ENTER_TIMEOUT_S = 4.0  # for the frames of one process; the snapshot of the largest page takes 1.2 s
ELEMENT_NODE = 1
# Addresses of Chromium's own frames, such as its PDF viewer: not part of the page.
BROWSER_SCHEMES = ("chrome-extension:", "chrome:")

Point: TypeAlias = tuple[float, float]

HERE = Path(__file__).parent
COLLECT, SCROLL, SCROLL_BOXES, NAMED, CONSENT, RASTER, MOSAIC = (
    (HERE / f"{name}.js").read_text("utf-8")
    for name in ("collect", "scroll", "scroll_boxes", "named", "consent", "raster", "mosaic")
)
NEARBY_TEXTS = (HERE / "nearby_texts.js").read_text("utf-8")
COLLECT = f"(options, ...closed) => (\n{COLLECT})(\n{NEARBY_TEXTS}, options, ...closed)"
# Loads images that nothing else on the page requests; they arrive as responses.
LOAD = "(urls) => { globalThis.medlensLoads = urls.map((url) => { const image = new Image(); image.src = url; return image; }); }"


@dataclass(frozen=True, slots=True)
class IsolatedWorld:
    """Our JavaScript context in one frame. `origin`: position of the frame's viewport on the page, CSS pixels."""

    session: CDPSession
    frame: str
    context: int
    origin: Point = (0.0, 0.0)
    closed: tuple[int, ...] = field(default=(), repr=False)  # backend ids of closed shadow roots

    async def run(self, script: str, *values: Any, with_closed_roots: bool = False, timeout_s: float | None = None) -> Any:
        """Call the function `script` with JSON values, followed by the closed roots if wanted.

        Raises PlaywrightError, and TimeoutError after `timeout_s`, because a frame may hang.
        """
        arguments = [{"value": value} for value in values]
        async with asyncio.timeout(timeout_s):
            for root in self.closed if with_closed_roots else ():
                resolved = await self.session.send("DOM.resolveNode", {"backendNodeId": root, "executionContextId": self.context})
                arguments.append({"objectId": resolved["object"]["objectId"]})
            call = {"functionDeclaration": script, "executionContextId": self.context, "arguments": arguments}
            answer = await self.session.send("Runtime.callFunctionOn", {**call, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            raise PlaywrightError(str(answer["exceptionDetails"].get("exception", {}).get("description", "script failed"))[:300])
        return answer["result"].get("value")

    async def content(self, url: str) -> bytes | None:
        """The bytes of a resource that this frame has loaded, from Chromium's memory; None if it has not."""
        try:
            await self.session.send("Page.enable")
            answer = await self.session.send("Page.getResourceContent", {"frameId": self.frame, "url": url})
        except PlaywrightError:
            return None
        return base64.b64decode(answer["content"]) if answer["base64Encoded"] else answer["content"].encode()


async def main_world(session: CDPSession) -> IsolatedWorld:
    """The world of the page's current document. After a navigation `run` raises PlaywrightError."""
    return await _root_world(session, await _frame_tree(session))


async def isolated_worlds(page: Page, session: CDPSession) -> list[IsolatedWorld]:
    """The worlds of the page's document and of its frames, including those of other sites; at most MAX_FRAMES.

    Frames that hang or are gone are left out. Raises PlaywrightError or TimeoutError if this is the case for the page's own
    document.
    """
    async with asyncio.timeout(ENTER_TIMEOUT_S):
        tree = await _frame_tree(session)
        root = await _root_world(session, tree)
        left, top, elements = await root.run("() => [scrollX, scrollY, document.querySelectorAll('*').length]")
        worlds = await _worlds_of(root, tree, (left, top), elements <= MAX_SNAPSHOT_ELEMENTS)
    sessions_of: dict[Frame, tuple[CDPSession, Point]] = {page.main_frame: (session, (left, top))}
    for frame in page.frames:
        if frame.parent_frame is None or frame.url.startswith(BROWSER_SCHEMES) or len(worlds) >= MAX_FRAMES:
            continue
        parent, origin = sessions_of[frame] = sessions_of.get(frame.parent_frame, sessions_of[page.main_frame])
        try:
            async with asyncio.timeout(ENTER_TIMEOUT_S):
                own = await page.context.new_cdp_session(frame)
                tree = await _frame_tree(own)
                root = await _root_world(own, tree)
                sessions_of[frame] = own, await _origin(parent, root.frame, origin)
                worlds += await _worlds_of(root, tree, sessions_of[frame][1], with_closed_roots=True)
        except (PlaywrightError, TimeoutError):  # it is in its parent's process, and was included there; it hangs; or it is gone
            continue
    return worlds[:MAX_FRAMES]


async def _worlds_of(root: IsolatedWorld, tree: dict[str, Any], origin: Point, with_closed_roots: bool) -> list[IsolatedWorld]:
    """The worlds of all frames of one process. `root`: that of the first frame of `tree`."""
    session = root.session
    closed = await _closed_roots(session) if with_closed_roots else {}
    worlds: list[IsolatedWorld] = []
    for frame in _frame_ids(tree):
        try:
            place = origin if frame == root.frame else await _origin(session, frame, origin)
            context = root.context if frame == root.frame else await _create_world(session, frame)
            worlds.append(IsolatedWorld(session, frame, context, place, tuple(closed.get(frame, ())[:MAX_CLOSED_ROOTS])))
        except PlaywrightError:
            continue
    return worlds


async def _frame_tree(session: CDPSession) -> dict[str, Any]:
    tree: dict[str, Any] = (await session.send("Page.getFrameTree"))["frameTree"]
    return tree


async def _root_world(session: CDPSession, tree: dict[str, Any]) -> IsolatedWorld:
    """The world of the first frame of `tree`."""
    frame = tree["frame"]["id"]
    return IsolatedWorld(session, frame, await _create_world(session, frame))


def _frame_ids(tree: dict[str, Any]) -> Iterator[str]:
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        yield node["frame"]["id"]
        waiting.extend(node.get("childFrames", ()))


async def _create_world(session: CDPSession, frame: str) -> int:
    answer = await session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": WORLD_NAME})
    return int(answer["executionContextId"])


async def _origin(parent: CDPSession, frame: str, parent_origin: Point) -> Point:
    owner = await parent.send("DOM.getFrameOwner", {"frameId": frame})
    try:
        model = await parent.send("DOM.getBoxModel", {"backendNodeId": owner["backendNodeId"]})
    except PlaywrightError:  # not visible
        return parent_origin
    x, y = model["model"]["content"][:2]
    return parent_origin[0] + x, parent_origin[1] + y


async def _closed_roots(session: CDPSession) -> dict[str, list[int]]:
    """Backend ids of the closed shadow roots by frame. The snapshot is flat, so that deep nesting causes no recursion."""
    try:
        snapshot = await session.send("DOMSnapshot.captureSnapshot", {"computedStyles": []})
        hosts = list(_outer_hosts(snapshot))
        described = await asyncio.gather(
            *(session.send("DOM.describeNode", {"backendNodeId": host, "depth": -1, "pierce": True}) for _, host in hosts),
            return_exceptions=True,
        )
    except PlaywrightError:
        return {}
    found: dict[str, list[int]] = {}
    for (frame, _), answer in zip(hosts, described, strict=True):
        if not isinstance(answer, BaseException):
            found.setdefault(frame, []).extend(_closed_in(answer["node"]))
    return found


def _outer_hosts(snapshot: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """(frame id, backend id) of the elements whose closed root is not inside another closed root."""
    strings = snapshot["strings"]
    for document in snapshot["documents"]:
        nodes = document["nodes"]
        rare = nodes["shadowRootType"]
        inside = {node for node, kind in zip(rare["index"], rare["value"], strict=True) if strings[kind] == "closed"}
        hosts = {nodes["parentIndex"][node] for node in inside} - inside
        for host in sorted(hosts)[:MAX_CLOSED_ROOTS]:
            yield strings[document["frameId"]], nodes["backendNodeId"][host]


def _closed_in(node: dict[str, Any]) -> Iterator[int]:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if here.get("shadowRootType") == "closed":
            yield here["backendNodeId"]
        waiting.extend(here.get("shadowRoots", ()))
        waiting.extend(child for child in here.get("children", ()) if child.get("nodeType") == ELEMENT_NODE)
