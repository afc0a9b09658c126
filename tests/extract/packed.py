"""ZIPs and TARs made here, and reading a file of any kind as a scan does."""

from __future__ import annotations

import io
import tarfile
import zipfile
from dataclasses import replace
from typing import Any

from server.contract.extracted import Extracted, InnerFile
from server.contract.records import Candidate, Notice, Skipped, Source
from server.extract.readers import extract_file
from server.kinds.registry import BY_NAME
from server.settings import Settings
from server.source.open import open_upload


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as file:
        for name, data in files.items():
            file.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else compression)
    return out.getvalue()


def tarred(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return out.getvalue()


async def read_as(name: str, data: bytes, limits: dict[str, int] | None = None, **settings: Any) -> list[Extracted]:
    """What the reader of the file's kind finds; `limits` replaces some of the kind's."""
    source: Source = open_upload(name, data)
    kind = BY_NAME[source.kind]
    kind = replace(kind, limits={**kind.limits, **(limits or {})})
    return [found async for found in extract_file(kind, source, Settings(**settings))]


def names(found: list[Extracted]) -> list[str]:
    return [one.name for one in found if isinstance(one, InnerFile)]


def images(found: list[Extracted]) -> list[Candidate]:
    return [one for one in found if isinstance(one, Candidate)]


def reasons(found: list[Extracted]) -> list[str]:
    return [one.reason for one in found if isinstance(one, Skipped)]


def codes(found: list[Extracted]) -> list[str]:
    return [one.code for one in found if isinstance(one, Notice) and one.code]
