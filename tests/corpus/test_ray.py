"""The engine `ray`: a killed node costs no row, and nothing listens to other machines. A short form of benchmarks/corpus.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="the extra [ray] is not installed")

ROOT = Path(__file__).resolve().parents[2]
LISTENING = """
import json, psutil
from server.corpus.on_ray import RayOptions, ray_cluster
with ray_cluster(RayOptions()):
    every = [psutil.Process(), *psutil.Process().children(recursive=True)]
    found = {one.laddr.ip for process in every for one in process.net_connections() if one.status == psutil.CONN_LISTEN}
print(json.dumps(sorted(found)))
"""


def python(*arguments: str, **environment: str) -> str:
    """Run a program of the project; returns its standard output."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_a_cluster_that_is_started_here_listens_on_loopback_only() -> None:
    addresses = json.loads(python("-c", LISTENING).splitlines()[-1])
    assert addresses
    assert all(address.removeprefix("::ffff:") in ("127.0.0.1", "::1") for address in addresses)


@pytest.mark.slow
def test_a_killed_node_loses_and_doubles_no_row() -> None:
    printed = "\n" + python("benchmarks/corpus.py", "--images", "80", "--parts", "killed", "--no-record")
    figures = json.loads(printed[printed.rindex("\n{\n") :])  # Ray reports the lost node before
    assert figures["killed"]["killed_after"] is not None
    assert figures["killed"]["killed_after"] < figures["killed"]["documents"] == 82
    assert figures["killed"]["rows_differ"] == 0
    assert figures["killed"]["images"] == figures["local"]["images"] == 80
