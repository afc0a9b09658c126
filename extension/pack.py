"""Zips the extension for Chrome and Firefox into dist/: the same files, but for what the manifests must say differently.

Chrome's manifest is the one that lies in this folder; Firefox's is derived from it here. Knows the folder, nothing of its contents.
`make pack` calls it; `--folder PATH` writes Firefox's version as a folder, to be loaded unpacked.
"""

from __future__ import annotations

import argparse
import json
import sys
import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DIST = HERE.parent / "dist"
SHIPPED = {".js", ".css", ".html", ".json", ".png"}
# Zips of the same files are the same bytes: every file gets the first moment that a zip can hold.
EPOCH = (1980, 1, 1, 0, 0, 0)
FIREFOX = {
    "gecko": {
        "id": "extension@medlens",
        "strict_min_version": "142.0",  # data_collection_permissions, on the desktop 140 and on Android 142
        # The address of what is scanned goes to the service that the person runs; page contents only when asked for.
        "data_collection_permissions": {"required": ["browsingActivity"], "optional": ["websiteContent"]},
    },
    "gecko_android": {"strict_min_version": "142.0"},
}


def files() -> list[Path]:
    """What belongs into the zips, in a fixed order, relative to the folder."""
    found = (path for path in HERE.rglob("*") if path.is_file() and path.suffix in SHIPPED)
    return sorted(path.relative_to(HERE) for path in found if "__pycache__" not in path.parts)


def chrome_manifest() -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((HERE / "manifest.json").read_text())
    return manifest


def firefox_manifest() -> dict[str, Any]:
    """Firefox has background scripts instead of a service worker, and wants an id and what is sent."""
    manifest = deepcopy(chrome_manifest())
    del manifest["minimum_chrome_version"]
    manifest["background"] = {"scripts": [manifest["background"]["service_worker"]], "type": "module"}
    manifest["browser_specific_settings"] = FIREFOX
    return manifest


def write_zip(target: Path, manifest: dict[str, Any]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in contents(manifest).items():
            packed.writestr(zipfile.ZipInfo(name, EPOCH), data, zipfile.ZIP_DEFLATED)
    return target


def contents(manifest: dict[str, Any]) -> dict[str, bytes]:
    """name in the zip -> bytes"""
    told = {path.as_posix(): (HERE / path).read_bytes() for path in files()}
    return told | {"manifest.json": (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()}


def write_folder(target: Path, manifest: dict[str, Any]) -> Path:
    for name, data in contents(manifest).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(data)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description="zip the extension for Chrome and Firefox")
    parser.add_argument("--folder", type=Path, help="write Firefox's version here as a folder instead")
    given = parser.parse_args()
    if given.folder:
        sys.stdout.write(f"{write_folder(given.folder, firefox_manifest())}\n")
        return
    DIST.mkdir(exist_ok=True)
    version = chrome_manifest()["version"]
    for browser, manifest in (("chrome", chrome_manifest()), ("firefox", firefox_manifest())):
        packed = write_zip(DIST / f"medlens-{version}-{browser}.zip", manifest)
        sys.stdout.write(f"{packed.relative_to(HERE.parent)}  {packed.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
