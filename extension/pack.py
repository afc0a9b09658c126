"""Zips the extension for Chrome and Firefox into dist/: the same files with different manifests.

manifest.json in this folder is Chrome's; Firefox's is derived from it here. `make pack` runs this script. `--folder PATH` writes
Firefox's version as a folder, to be loaded unpacked; `--source` zips the source with build steps, for the stores' reviewers.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DIST = HERE.parent / "dist"
STEPS = HERE.parent / "docs/store/review.md"
SHIPPED = {".js", ".css", ".html", ".json", ".png"}
# Every file gets the earliest date that a zip can hold, so that the same files always give the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
FIREFOX = {
    "gecko": {
        "id": "extension@medlens",
        "strict_min_version": "142.0",  # data_collection_permissions, on the desktop 140 and on Android 142
        # The address of what is scanned is sent to the person's own service; page contents are sent only on request.
        "data_collection_permissions": {"required": ["browsingActivity"], "optional": ["websiteContent"]},
    },
    "gecko_android": {"strict_min_version": "142.0"},
}


def files() -> list[Path]:
    """The files of the zips, in a fixed order, relative to the folder."""
    found = (path for path in HERE.rglob("*") if path.is_file() and path.suffix in SHIPPED)
    return sorted(path.relative_to(HERE) for path in found if "__pycache__" not in path.parts)


def chrome_manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((HERE / "manifest.json").read_text())
    return manifest


def firefox_manifest() -> dict[str, Any]:
    """Firefox has background scripts instead of a service worker, and requires an id and a list of the data that is sent."""
    manifest = deepcopy(chrome_manifest())
    del manifest["minimum_chrome_version"]
    manifest["background"] = {"scripts": [manifest["background"]["service_worker"]], "type": "module"}
    manifest["browser_specific_settings"] = FIREFOX
    return manifest


def write_zip(target: Path, named: Mapping[str, bytes]) -> Path:
    """`named`: name in the zip -> bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in named.items():
            packed.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    return target


def contents(manifest: dict[str, Any]) -> dict[str, bytes]:
    """Name in the zip -> bytes."""
    told = {path.as_posix(): (HERE / path).read_bytes() for path in files()}
    return told | {"manifest.json": (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()}


def source() -> dict[str, bytes]:
    """Every file of this folder, scripts included, and the build steps of docs/store/review.md as BUILD.md."""
    found = sorted(path for path in HERE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {"BUILD.md": STEPS.read_bytes()} | {path.relative_to(HERE.parent).as_posix(): path.read_bytes() for path in found}


def write_folder(target: Path, manifest: dict[str, Any]) -> Path:
    for name, data in contents(manifest).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description="zip the extension for Chrome and Firefox")
    parser.add_argument("--folder", type=Path, help="write Firefox's version here as a folder instead")
    parser.add_argument("--source", action="store_true", help="zip the source with build steps, for reviewers, instead")
    parser.add_argument("--out", type=Path, default=DIST, help="where the zips go")
    given = parser.parse_args()
    if given.folder:
        sys.stdout.write(f"{write_folder(given.folder, firefox_manifest())}\n")
        return
    given.out.mkdir(exist_ok=True)
    version = chrome_manifest()["version"]
    if given.source:
        sys.stdout.write(f"{write_zip(given.out / f'medlens-{version}-source.zip', source())}\n")
        return
    for browser, manifest in (("chrome", chrome_manifest()), ("firefox", firefox_manifest())):
        packed = write_zip(given.out / f"medlens-{version}-{browser}.zip", contents(manifest))
        sys.stdout.write(f"{packed}  {packed.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
