"""Liveness, readiness by part, and the metrics."""

from __future__ import annotations

import subprocess
import sys

import pytest
from aiohttp import web

from server.contract.errors import WeightsMissing
from server.web.http.keys import WEIGHTS
from tests.web.conftest import Client


async def test_the_process_says_that_it_is_alive_and_who_it_is(stranger: Client) -> None:
    answer = await stranger.get("/healthz")
    assert answer.status == 200
    told = await answer.json()
    assert (told["status"], told["name"]) == ("ok", "medlens")


async def test_readiness_is_reported_by_part(stranger: Client) -> None:
    answer = await stranger.get("/readyz")
    told = await answer.json()
    assert set(told["parts"]) == {"database", "migrations", "worker", "weights"}
    assert told["parts"]["database"]["ok"]
    assert told["parts"]["migrations"]["ok"]
    assert not told["parts"]["worker"]["ok"]
    assert answer.status == 503
    assert "medlens worker" in told["parts"]["worker"]["detail"]


async def test_absent_weights_are_reported(app: web.Application, stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> str:
        raise WeightsMissing("no weights of cnn")

    monkeypatch.setitem(app._state, WEIGHTS, absent)
    told = await (await stranger.get("/readyz")).json()
    assert told["parts"]["weights"] == {"ok": False, "detail": "no weights of cnn"}


async def test_metrics_name_routes_and_never_addresses(stranger: Client, client: Client) -> None:
    await client.get("/api/scans/5b3e6a0e-0000-4000-8000-000000000000?secret=1")
    text = await (await stranger.get("/metrics")).text()
    assert 'route="/api/scans/{id}"' in text
    assert "5b3e6a0e" not in text
    assert "medlens_scans_waiting 0.0" in text


def test_the_web_process_loads_neither_model_nor_browser() -> None:
    heavy = ("torch", "playwright", "openvino", "numpy", "PIL", "pymupdf")
    code = f"import sys, server.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
