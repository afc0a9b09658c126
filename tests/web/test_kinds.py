"""The kinds of files by their first bytes: what the dashboard asks before it uploads a folder."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from server.kinds.kind import HEAD_BYTES
from server.web.api.answers import FileKinds
from server.web.api.shapes import MAX_HEADS
from server.web.http.limits import MAX_FILE_NAME
from tests.site import picture
from tests.web.conftest import Client, refusal


def head(name: str, data: bytes) -> dict[str, str]:
    return {"name": name, "head": b64encode(data[:HEAD_BYTES]).decode()}


async def test_each_file_has_a_kind_or_none(client: Client) -> None:
    files = [
        head("a.png", picture("PNG")), head("b.svs", b"II*\0\x10\0\0\0"), head("c.txt", b"words"), head("d.html", b"<html><body>"),
        head("e.pdf", b"%PDF-1.4\n"), head("f.svg", b"<svg xmlns='x'>"), head("g", b""),
    ]  # fmt: skip
    answer = await client.ask("POST", "/api/kinds", json={"files": files})
    assert answer.status == 200
    found = FileKinds.model_validate(await answer.json())
    assert found.kinds == ["image", "slide", None, None, "pdf", "image", None]


async def test_as_many_files_as_are_allowed_fit_one_request(client: Client) -> None:
    files = [head("é" * MAX_FILE_NAME, bytes(HEAD_BYTES))] * MAX_HEADS
    assert (await client.ask("POST", "/api/kinds", json={"files": files})).status == 200


@pytest.mark.parametrize(
    "files",
    [
        [],
        [head("a", b"x")] * (MAX_HEADS + 1),
        [{"name": "a", "head": "not base64!"}],
        [{"name": "a", "head": "A" * 8192}],
        [{}],
        "x",
    ],
)
async def test_other_bodies_are_refused(client: Client, files: Any) -> None:
    answer = await client.ask("POST", "/api/kinds", json={"files": files})
    assert await refusal(answer) == (400, "bad_request")
