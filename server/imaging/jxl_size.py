"""Reads the size of a JPEG XL image from its first bytes (ISO/IEC 18181-1, size header), without decoding."""

from __future__ import annotations

from dataclasses import dataclass

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_BITS = (9, 13, 18, 30)
_CODESTREAM = b"\xff\x0a"
_SEARCHED = 1024 * 1024  # bytes of boxes before the codestream, such as EXIF


@dataclass(slots=True)
class _Bits:
    data: bytes
    at: int = 0

    def take(self, count: int) -> int:
        """The next bits, the lowest first."""
        value = 0
        for place in range(count):
            byte = self.data[self.at >> 3]
            value |= (byte >> (self.at & 7) & 1) << place
            self.at += 1
        return value

    def side(self, small: bool) -> int:
        return (self.take(5) + 1) * 8 if small else self.take(_BITS[self.take(2)]) + 1


def jxl_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as stored; None when the header cannot be read."""
    start = 0 if data.startswith(_CODESTREAM) else data.find(_CODESTREAM, 12, _SEARCHED)
    if start < 0:
        return None
    bits = _Bits(data[start + 2 : start + 16])
    try:
        small = bool(bits.take(1))
        height = bits.side(small)
        ratio = bits.take(3)
        if ratio:
            across, down = _RATIOS[ratio - 1]
            return height * across // down, height
        return bits.side(small), height
    except IndexError:
        return None
