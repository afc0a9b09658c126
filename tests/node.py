"""Runs JavaScript modules of the project outside a browser: in the Node.js that comes with Playwright."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import playwright

NODE = Path(playwright.__file__).parent / "driver/node"
ROOT = Path(__file__).resolve().parents[1]


def evaluate(module: Path, call: str, given: object = None, before: str = "") -> Any:
    """The JSON of what `call` gives, an expression in which `m` is the module and `given` this value. `before` runs first."""
    lines = (
        before,
        f"const [m, given] = [await import({json.dumps(module.as_uri())}), {json.dumps(given)}];",
        f"process.stdout.write(JSON.stringify(await ({call}) ?? null));",
    )
    command = [NODE, "--input-type=module", "-"]
    done = subprocess.run(command, input="\n".join(lines), text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
