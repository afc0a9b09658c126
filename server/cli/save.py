"""Sorts a scan's images into one folder per modality, under names that say where they came from. Never overwrites another file."""

from __future__ import annotations

import re
from pathlib import Path

from server.cli.report_table import image_name
from server.contract.records import JudgedImage
from server.contract.report import image_json

UNCERTAIN = "uncertain"
# Characters kept of a name that a page or file chose: every file system allows these.
_UNSAFE = re.compile(r"[^\w.-]+")
# A DICOM file's name may be numbers and dots, and end in none.
_ENDING = re.compile(r"\.[a-z]\w{0,4}(?= · (?:page )?\d+$|$)", re.IGNORECASE)
MAX_STEM = 60
ENDINGS = {"jpeg": ".jpg", "tiff": ".tif"}


class Sorter:
    """`take` writes one image. `folder` is made when the first comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, judged: JudgedImage) -> None:
        """Write the image's own bytes to FOLDER/MODALITY/NAME-HASH.EXT, unless it is a near duplicate of one written already."""
        if judged.image.near_duplicate_of or not judged.image.data:
            return
        below = self._folder / (UNCERTAIN if judged.shown.uncertain else judged.shown.modality)
        below.mkdir(parents=True, exist_ok=True)
        stem = _UNSAFE.sub("_", _ENDING.sub("", image_name(image_json(judged)))).strip("._")[:MAX_STEM] or "image"
        ending = ENDINGS.get(judged.image.format, "." + judged.image.format.lower())
        (below / f"{stem}-{judged.image.sha256[:8]}{ending}").write_bytes(judged.image.data)
