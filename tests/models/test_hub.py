"""Pulling weights from a hub that behaves, cuts connections, lies, refuses: a real server on this machine plays it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from server.contract.errors import ConnectionFailed, HttpStatus, ModelError, NotFound, RequestError
from server.models import hub
from server.models.hub import pull
from server.models.registry import REMOTE, SHIPPED, HubFile, Remote, lookup

WEIGHTS = os.urandom(3 * 1024 * 1024 + 17)
DIGEST = hashlib.sha256(WEIGHTS).hexdigest()


@dataclass
class Hub:
    """What the hub does next, and what it was asked."""

    url: str = ""
    cut_after: list[int] = field(default_factory=list)  # bytes given before each of the next connections is cut
    digest: str | None = DIGEST
    status: int = 200
    resumes: bool = True
    ranges: list[str | None] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The hub's own address: redirects to where the bytes lie, and tells their hash as it does."""
        if self.status != 200:
            return web.Response(status=self.status)
        if request.match_info["path"] == "config.json":
            return web.json_response({"a": 1})
        if request.match_info["path"] != "big.bin":
            raise web.HTTPNotFound
        headers = {"Location": "/store"} | ({"X-Linked-ETag": f'"{self.digest}"'} if self.digest else {})
        return web.Response(status=302, headers=headers)

    async def store(self, request: web.Request) -> web.StreamResponse:
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        begin = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.resumes else 0
        if begin >= len(WEIGHTS):
            return web.Response(status=416)
        response = web.StreamResponse(status=206 if begin else 200)
        response.content_length = len(WEIGHTS) - begin
        await response.prepare(request)
        if self.cut_after:
            await response.write(WEIGHTS[begin : begin + self.cut_after.pop(0)])
            assert request.transport
            request.transport.abort()
            return response
        await response.write(WEIGHTS[begin:])
        return response


@pytest.fixture
async def remote_hub(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hub, "BACKOFF_S", 0.01)
    played = Hub()
    app = web.Application()
    app.router.add_get("/owner/model/resolve/main/{path:.+}", played.answer)
    app.router.add_get("/store", played.store)
    server = TestServer(app)
    await server.start_server()
    played.url = str(server.make_url("")).rstrip("/")
    yield played
    await server.close()


def wanted(**given: object) -> Remote:
    files = (
        HubFile("big.bin", "owner/model", "big.bin", **given),
        HubFile("merges.txt", "owner/model", "merges.txt", optional=True),
    )
    return Remote("test", "test-model", len(WEIGHTS), "MIT", "owner/model", "", files)


async def test_a_model_arrives_whole_with_progress_and_what_is_optional_may_lack(remote_hub: Hub, tmp_path: Path) -> None:
    reported: list[tuple[int, int | None, str]] = []
    folder = await pull(wanted(), tmp_path, lambda *progress: reported.append(progress), remote_hub.url)
    assert (folder / "big.bin").read_bytes() == WEIGHTS
    assert reported[-1] == (len(WEIGHTS), len(WEIGHTS), "big.bin")
    assert wanted().present(tmp_path)
    assert [path.name for path in folder.iterdir()] == ["big.bin"]


async def test_what_is_here_is_not_fetched_again(remote_hub: Hub, tmp_path: Path) -> None:
    await pull(wanted(), tmp_path, base=remote_hub.url)
    await pull(wanted(), tmp_path, base=remote_hub.url)
    assert len(remote_hub.ranges) == 1


async def test_a_cut_connection_goes_on_where_it_was_cut(remote_hub: Hub, tmp_path: Path) -> None:
    remote_hub.cut_after = [1_000_000, 1_500_000]
    folder = await pull(wanted(), tmp_path, base=remote_hub.url)
    assert (folder / "big.bin").read_bytes() == WEIGHTS
    starts = [int((asked or "bytes=0-")[6:-1]) for asked in remote_hub.ranges]
    assert len(starts) == 3
    assert 0 == starts[0] < starts[1] < starts[2]


async def test_a_later_call_resumes_what_an_earlier_one_left(remote_hub: Hub, tmp_path: Path) -> None:
    part = tmp_path / "test-model" / "big.bin.part"
    part.parent.mkdir()
    part.write_bytes(WEIGHTS[:2_000_000])
    folder = await pull(wanted(), tmp_path, base=remote_hub.url)
    assert remote_hub.ranges == ["bytes=2000000-"]
    assert (folder / "big.bin").read_bytes() == WEIGHTS


async def test_a_hub_that_cannot_resume_starts_over(remote_hub: Hub, tmp_path: Path) -> None:
    remote_hub.resumes, remote_hub.cut_after = False, [1_000_000]
    folder = await pull(wanted(), tmp_path, base=remote_hub.url)
    assert (folder / "big.bin").read_bytes() == WEIGHTS


async def test_a_part_longer_than_the_file_is_thrown_away(remote_hub: Hub, tmp_path: Path) -> None:
    part = tmp_path / "test-model" / "big.bin.part"
    part.parent.mkdir()
    part.write_bytes(WEIGHTS + b"more")
    folder = await pull(wanted(), tmp_path, base=remote_hub.url)
    assert (folder / "big.bin").read_bytes() == WEIGHTS


async def test_a_hub_that_only_cuts_is_given_up_with_advice(remote_hub: Hub, tmp_path: Path) -> None:
    remote_hub.cut_after = [0] * hub.ATTEMPTS
    with pytest.raises(ConnectionFailed, match="run the command again"):
        await pull(wanted(), tmp_path, base=remote_hub.url)
    assert len(remote_hub.ranges) == hub.ATTEMPTS
    assert not wanted().present(tmp_path)


async def test_without_a_hub_there_is_a_clear_error(tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "BACKOFF_S", 0.01)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unused_tcp_port}/")
    with pytest.raises(ConnectionFailed, match="cannot be reached"):
        await pull(wanted(), tmp_path)


@pytest.mark.parametrize("pinned", [{"sha256": "0" * 64}, {"sha256": "01234567"}, {}])
async def test_other_bytes_than_promised_never_take_the_files_name(remote_hub: Hub, tmp_path: Path, pinned: dict[str, str]) -> None:
    remote_hub.digest = "f" * 64
    with pytest.raises(ModelError, match="SHA-256"):
        await pull(wanted(**pinned), tmp_path, base=remote_hub.url)
    assert not list((tmp_path / "test-model").iterdir())


async def test_the_first_digits_of_a_hash_are_enough(remote_hub: Hub, tmp_path: Path) -> None:
    await pull(wanted(sha256=DIGEST[:8]), tmp_path, base=remote_hub.url)
    assert wanted().present(tmp_path)


@pytest.mark.parametrize(("status", "message"), [(401, "accepted its terms"), (404, "has no big.bin"), (503, "answered 503")])
async def test_a_refusal_says_what_to_do(remote_hub: Hub, tmp_path: Path, status: int, message: str) -> None:
    remote_hub.status = status
    with pytest.raises(HttpStatus, match=message):
        await pull(wanted(), tmp_path, base=remote_hub.url)


async def test_a_file_beyond_the_limit_is_refused(remote_hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "MAX_BYTES", 1000)
    with pytest.raises(RequestError, match="larger than the 1000 bytes"):
        await pull(wanted(), tmp_path, base=remote_hub.url)


def test_the_registry_names_members_and_any_open_clip_model() -> None:
    assert {one.name for one in SHIPPED} == {"cnn", "clip", "kmeans", "parts"}
    assert lookup("biomedclip") == REMOTE["biomedclip"]
    assert lookup("hf-hub:owner/model").folder == "owner--model"
    assert lookup("ViT-B-16/openai").files[1].name == "open_clip_model.safetensors"
    with pytest.raises(NotFound, match="no model is called"):
        lookup("nonsense")
