"""Fingerprints of images: the hash of the bytes, a perceptual hash, and a small grey copy that confirms a near duplicate.

server/dedupe/group.py compares the images of a scan by these fingerprints.
"""

from __future__ import annotations

import hashlib

import imagehash
import numpy as np
from PIL import Image

from server.imaging.decode import Raster

# Side of the grey copy that confirms a near duplicate, pixels. See benchmarks/near_duplicates.py.
GREY_SIDE = 32
# Standard deviation, in greys of 0..255, below which an image counts as plain, so that noise is not taken for content.
MIN_CONTRAST = 4.0


def sha256_of(data: bytes) -> str:
    """The SHA-256 of the encoded bytes, as 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def phash_of(raster: Raster) -> str:
    """DCT hash of the shrunk image: 64 bits as 16 hex digits."""
    return str(imagehash.phash(raster.image))


def grey_of(raster: Raster) -> bytes:
    """The image as GREY_SIDE x GREY_SIDE greys, row by row."""
    return raster.image.convert("L").resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BILINEAR).tobytes()


def distance(first: str, second: str) -> int:
    """Bits in which two perceptual hashes differ: 0..64."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def largest_difference(first: bytes, second: bytes) -> float:
    """The largest difference of two grey copies, in units of the images' own contrast: 0 for equal copies.

    Neighbouring slices of one CT agree nearly everywhere, so the mean would not tell them apart; the largest difference does.
    """
    one, other = (np.frombuffer(grey, dtype=np.uint8).astype(np.float64) for grey in (first, second))
    return float(np.abs(one - other).max()) / max(MIN_CONTRAST, float(one.std()), float(other.std()))
