"""Requests of every shape that the OpenAPI document promises, and of shapes beside it, made by schemathesis.

A class of fortress.py. Each operation is asked with generated parameters and bodies, in a caller's name; an answer must be no error
of the server's, and have a status, a content type and a shape that the document names.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
)
# Streams do not end; readiness answers 503 without a worker, as it must.
LEFT_OUT = r"/events$|/live$|^/readyz$"
LIMIT_S = 1800.0


async def api_shapes(port: int, token: str, examples: int) -> Counter[str]:
    """Requests by how they were answered: `handled`, or `crashed` for each kind of failure at an operation; `hung` as a whole."""
    with tempfile.TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("st")),
            "run",
            f"http://127.0.0.1:{port}/api/openapi.json",
            *("--header", f"Authorization: Bearer {token}"),
            *("--checks", ",".join(CHECKS)),
            *("--phases", "examples,fuzzing"),
            *("--max-examples", str(examples)),
            *("--exclude-path-regex", LEFT_OUT),
            *("--request-timeout", "30"),
            "--generation-deterministic",
            "--no-color",
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            return Counter(hung=1)
    text = out.decode(errors="replace")
    generated = re.search(r"(\d+) generated", text)
    found = re.search(r"found (\d+) unique failures?", text)
    if generated is None or process.returncode not in (0, 1):
        print(text, file=sys.stderr)
        return Counter(crashed=1)
    failures = int(found[1]) if found else 0
    if failures or process.returncode:
        print(text, file=sys.stderr)
        failures = failures or 1
    return Counter(handled=int(generated[1]) - failures, crashed=failures)
