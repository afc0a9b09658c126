"""Decompresses the body of a response, in pieces of bounded size."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from server.contract.errors import Damaged, NotWhatItSays

INFLATE_BYTES = 256 * 1024  # decompressed bytes handed out at a time, so that a few kilobytes never become gigabytes in memory
# Browsers read these, but only servers that ignore Accept-Encoding send them to us.
NOT_READ_CODINGS = frozenset(("br", "zstd", "dcb", "dcz"))


class Inflate:
    """Decompresses gzip and deflate, which some servers send although no compression was asked for.

    A coding that does not exist (`UTF-8`, `aws-chunked`) is ignored, as browsers do. `feed(data)` yields the decompressed pieces.
    Raises NotWhatItSays for a coding that exists and is not read here, Damaged for broken data.
    """

    def __init__(self, coding: str) -> None:
        self._plain = coding not in ("gzip", "x-gzip", "deflate")
        if coding in NOT_READ_CODINGS:
            raise NotWhatItSays(f"the server compressed its answer in a way that was not asked for ({coding[:40]})")
        self._deflate = coding == "deflate"
        self._zlib = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, by the header
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._plain:
            yield data
            return
        try:
            yield from self._inflate(data)
        except zlib.error as error:
            raise Damaged(f"the compressed answer is broken: {error}") from None

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        if not self._started and data:
            self._started = True
            if self._deflate and data[0] & 0x0F != 8:  # raw deflate, as some servers understand the word
                self._zlib = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        while data and not self._zlib.eof:
            yield self._zlib.decompress(data, INFLATE_BYTES)
            data = self._zlib.unconsumed_tail
