"""What tells images apart: the hash of their bytes, a perceptual hash of what they show, and a small grey copy to check it with.

Does not know which images were seen before; server/dedupe/group.py compares.
"""

from __future__ import annotations

import hashlib

import imagehash
import numpy as np
from PIL import Image

from server.imaging.decode import Picture

# Side of the grey copy that confirms a near duplicate, pixels. See benchmarks/near_duplicates.py.
GREY_SIDE = 32
# Greys (of 255, standard deviation) below which a picture counts as plain, so that noise does not pass for content.
LEAST_CONTRAST = 4.0


def sha256_of(data: bytes) -> str:
    """Of the encoded bytes, 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def phash_of(picture: Picture) -> str:
    """DCT hash of the small picture: 64 bits as 16 hex digits."""
    return str(imagehash.phash(picture.image))


def grey_of(picture: Picture) -> bytes:
    """The picture as GREY_SIDE x GREY_SIDE greys, row by row."""
    return picture.image.convert("L").resize((GREY_SIDE, GREY_SIDE), Image.Resampling.BILINEAR).tobytes()


def distance(first: str, second: str) -> int:
    """Bits in which two perceptual hashes differ: 0..64."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def difference(first: bytes, second: bytes) -> float:
    """How far two grey copies are apart where they differ most, in units of the pictures' own contrast: 0 for the same.

    Neighbouring slices of a scan agree nearly everywhere; what tells them is the one spot where they do not.
    """
    one, other = (np.frombuffer(grey, dtype=np.uint8).astype(np.float64) for grey in (first, second))
    return float(np.abs(one - other).max()) / max(LEAST_CONTRAST, float(one.std()), float(other.std()))
