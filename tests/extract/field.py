"""The pages of ../shared/corpora/field, served as they were reported; tests of them are skipped where it is missing."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from tests.site import Site

FIELD = Path(__file__).parents[3] / "shared" / "corpora" / "field"


def serve_field(site: Site, file: str) -> str:
    """Serve all files of the folder of `file` and return the address of `file`."""
    folder = FIELD / Path(file).parts[0]
    for path in folder.rglob("*"):
        if path.is_file():
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            site.add(f"/{path.relative_to(folder)}", path.read_bytes(), kind.replace("text/html", "text/html; charset=utf-8"))
    return site.url("/" + str(Path(*Path(file).parts[1:])))
