"""Reads and clicks the marks' layer, which is a closed shadow root: by way of the browser's debugger, as no script could."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from playwright.async_api import CDPSession, Page


@dataclass(frozen=True)
class Node:
    id: int
    name: str
    attributes: dict[str, str]
    text: str
    hidden: bool


class Layer:
    def __init__(self, page: Page, debugger: CDPSession) -> None:
        self.page, self._debugger = page, debugger

    @classmethod
    async def of(cls, page: Page) -> Layer:
        return cls(page, await page.context.new_cdp_session(page))

    async def nodes(self) -> list[Node]:
        """Everything in the layer; nothing when there is none."""
        document = await self._debugger.send("DOM.getDocument", {"depth": -1, "pierce": True})
        host = next((node for node in _walk(document["root"]) if "data-medlens-layer" in node.get("attributes", ())), None)
        return [_node(node, hidden) for root in (host or {}).get("shadowRoots", ()) for node, hidden in _shown(root, False)]

    async def labels(self) -> list[str]:
        return [node.text for node in await self.nodes() if node.attributes.get("class") == "label" and not node.hidden]

    async def card(self) -> str:
        """The open card's words, or nothing."""
        return next((node.text for node in await self.nodes() if node.attributes.get("role") == "dialog"), "")

    async def click(self, words: str) -> None:
        """The last visible button with these words: in an open card before the labels."""
        found = [node for node in await self.nodes() if node.name == "BUTTON" and node.text == words and not node.hidden]
        await self._debugger.send("DOM.scrollIntoViewIfNeeded", {"nodeId": found[-1].id})
        box = (await self._debugger.send("DOM.getBoxModel", {"nodeId": found[-1].id}))["model"]["border"]
        await self.page.bring_to_front()
        await self.page.mouse.click((box[0] + box[4]) / 2, (box[1] + box[5]) / 2)


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("children", ()):
        yield from _walk(child)


def _shown(node: dict[str, Any], hidden: bool) -> Iterator[tuple[dict[str, Any], bool]]:
    hidden = hidden or "hidden" in node.get("attributes", ())[::2]
    yield node, hidden
    for child in node.get("children", ()):
        yield from _shown(child, hidden)


def _node(node: dict[str, Any], hidden: bool) -> Node:
    flat = node.get("attributes", [])
    text = "".join(one.get("nodeValue", "") for one in _walk(node) if one["nodeName"] == "#text")
    return Node(node["nodeId"], node["nodeName"], dict(zip(flat[::2], flat[1::2], strict=True)), text.strip(), hidden)
