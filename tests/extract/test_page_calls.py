"""How many messages one visit sends to the browser: one for each image, and no more for the same thing twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from playwright._impl.connection import Connection

from tests.extract.conftest import Visit
from tests.site import Site, page

IMAGES = 12


async def test_a_visit_asks_the_browser_once(visit: Visit, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    send = Connection.send_message_to_server

    def counted(self: Connection, target: Any, method: str, params: Any, options: Any) -> Any:
        calls[str(params.get("method")) if method == "send" and params else method] += 1
        return send(self, target, method, params, options)

    images = [f"<img src={site.add_picture(f'/{number}.png', seed=number)}>" for number in range(IMAGES)]
    site.add("/", page(*images))
    monkeypatch.setattr(Connection, "send_message_to_server", counted)
    seen = await visit(site.url("/"))
    assert len(seen.images) == IMAGES
    assert calls["body"] == IMAGES
    assert calls["response"] == 0  # each arrived with its event
    # Before scrolling, for the boxes inside, and for the layout.
    assert calls["Page.getFrameTree"] == calls["Page.createIsolatedWorld"] == 3
