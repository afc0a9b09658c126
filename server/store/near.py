"""Near duplicates across scans: which images any scan folded together, so that what a person says of one reaches the others.

One step only: the originals that an image repeats, and their copies. Copies of copies of copies would drift to other pictures.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.types import digest

FAMILY = 500  # a logo's family may be as large as the web; a correction that took longer would hold everyone up

RELATED = text("""
WITH originals AS (
    SELECT near_duplicate_of AS sha256 FROM scan_images WHERE sha256 = :sha256 AND near_duplicate_of IS NOT NULL
    UNION SELECT :sha256
)
SELECT sha256 FROM originals WHERE sha256 <> :sha256
UNION
SELECT scan_images.sha256 FROM scan_images JOIN originals ON scan_images.near_duplicate_of = originals.sha256
WHERE scan_images.sha256 <> :sha256
LIMIT :most
""")


async def near_duplicates(connection: AsyncConnection, sha256: str) -> list[str]:
    """Images that some scan took for near duplicates of this one, at most FAMILY of them."""
    rows = await connection.execute(RELATED, {"sha256": digest(sha256), "most": FAMILY})
    return sorted(bytes(found).hex() for found in rows.scalars())
