"""Undoes a compressed transfer bit by bit, so that a few kilobytes can never become gigabytes in memory.

The downloader asks for no compression; some servers compress all the same. Only gzip and deflate are undone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from server.contract.errors import Damaged, NotWhatItSays

STEP_BYTES = 256 * 1024  # decompressed bytes handed out at a time


class Inflate:
    """`feed(data)` gives the decompressed pieces. Raises NotWhatItSays for another coding, Damaged for broken data."""

    def __init__(self, coding: str) -> None:
        self._plain = coding in ("", "identity")
        if not self._plain and coding not in ("gzip", "x-gzip", "deflate"):
            raise NotWhatItSays(f"the server compressed its answer in a way that was not asked for ({coding[:40]})")
        self._deflate = coding == "deflate"
        self._zlib = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # gzip or zlib, told by the header
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._plain:
            yield data
            return
        try:
            yield from self._inflate(data)
        except zlib.error as error:
            raise Damaged(f"the compressed answer is broken: {error}") from None

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        if not self._begun and data:
            self._begun = True
            if self._deflate and data[0] & 0x0F != 8:  # raw deflate, as some servers understand the word
                self._zlib = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        while data and not self._zlib.eof:
            yield self._zlib.decompress(data, STEP_BYTES)
            data = self._zlib.unconsumed_tail
