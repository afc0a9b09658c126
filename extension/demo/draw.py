"""Draws the images of the extension's example, judges them with the shipped models, and writes sample.js beside this file.

Run `.venv/bin/python extension/demo/draw.py` from the repository's root. The images are phantoms, not scans of people.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from server.training.drawn.phantoms import PHANTOMS  # noqa: E402

DRAWN = ("chest", "head_ct", "head_mr", "sonogram", "eye_ground", "tissue", "lines", "screen")
SIDE = 320  # pixels of the longer side
QUALITY = 72


def draw(folder: Path) -> dict[str, bytes]:
    """name -> WebP, also written to the folder."""
    made = {}
    for at, name in enumerate(DRAWN):
        image = PHANTOMS[name][1](np.random.default_rng(at)).convert("RGB")
        image.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        image.save(out, "WEBP", quality=QUALITY)
        made[name] = out.getvalue()
        (folder / f"{at}.webp").write_bytes(made[name])
    return made


def main() -> None:
    with tempfile.TemporaryDirectory() as drawn, tempfile.TemporaryDirectory(prefix="medlens-") as kept:
        folder = Path(drawn)
        made = draw(folder)
        environment = os.environ | {"MEDLENS_DATA_DIR": kept}
        command = (sys.executable, "-m", "server", "scan", "--json", str(folder))
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr or done.stdout)
    report = json.loads(done.stdout)
    images = report["images"]
    for image in images:
        image["places"] = [place | {"url": None, "alt": None} for place in image["places"]]  # no path of this machine
    drawings = {hashlib.sha256(data).hexdigest(): base64.b64encode(data).decode() for data in made.values()}
    lines = [
        "// Made by draw.py: drawn images (WebP, base64) by their SHA-256, and what the shipped models said of them.",
        f"export const FOUND = {len(images)};",
        f"export const VERDICTS = {json.dumps(images)};",
        "export const DRAWINGS = {",
        *(f"  {json.dumps(sha256)}: {json.dumps(data)}," for sha256, data in drawings.items()),
        "};",
    ]
    (HERE / "sample.js").write_text("\n".join(lines) + "\n")
    for image in images:
        verdict = image["verdict"]
        sys.stdout.write(f"{verdict['modality']:14} {verdict['confidence']:.2f} {'sure' if verdict['sure'] else ''}\n")


if __name__ == "__main__":
    main()
