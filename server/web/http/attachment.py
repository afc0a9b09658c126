"""Downloads that are sent while they are written: a stream under a file name, and a ZIP in pieces."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime

import structlog
from aiohttp import web

CSV, ZIP = "text/csv", "application/zip"

log = structlog.get_logger(__name__)


def named(name: str) -> dict[str, str]:
    """The header that makes a browser save the response as the file `name`."""
    return {"Content-Disposition": f'attachment; filename="{name}"'}


async def streamed(
    request: web.Request, pieces: AsyncGenerator[bytes, None], content_type: str, name: str, charset: str | None = None
) -> web.StreamResponse:
    """Send `pieces` as the file `name`, and close them.

    An error before the first piece is answered like any other. A later one closes `pieces` and then cuts the connection, which also
    cancels this task.
    """
    answer = web.StreamResponse(headers=named(name))
    answer.content_type, answer.charset = content_type, charset
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                if not answer.prepared:  # an error of the database comes before the response begins
                    await answer.prepare(request)
                await answer.write(piece)
    except ConnectionResetError:
        raise
    except Exception as error:
        if not answer.prepared:
            raise
        # Cutting the connection is the only way left to tell the client that the file is incomplete.
        log.exception("export failed", name=name)
        if request.transport:
            request.transport.abort()
        raise ConnectionResetError("the export was cut") from error
    await answer.write_eof()
    return answer


class Archive:
    """A ZIP that is sent while it is written: `add` files dated `moment`, `take` the bytes written since the last call.

    After `close`, one more `take` gives the table of contents.
    """

    def __init__(self, moment: datetime) -> None:
        self._sink = _Sink()
        self._whole = zipfile.ZipFile(self._sink, "w")
        self._moment = moment.timetuple()[:6]

    def add(self, name: str, data: bytes | str, *, deflate: bool = False) -> None:
        entry = zipfile.ZipInfo(name, self._moment)
        entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED, 0o644 << 16
        self._whole.writestr(entry, data)

    def take(self) -> bytes:
        return self._sink.take()

    def close(self) -> None:
        self._whole.close()


class _Sink(io.RawIOBase):
    """The file that zipfile writes to; it cannot seek."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        whole = b"".join(self._pieces)
        self._pieces.clear()
        return whole
