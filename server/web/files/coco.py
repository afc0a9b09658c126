"""A manifest in the form of COCO: images, categories (the modalities), and annotations with the boxes of panels.

An image without panels has one annotation with its whole area. `file_name` is the name of the copy in the shared folder, since the
originals are not kept; `coco_url` is the original's address.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from server.contract.modalities import FACTS, MODALITIES
from server.contract.report import moment_json
from server.store.export import Exported
from server.web.files.rows import caption_of, without_login

CATEGORIES = [{"id": number, "name": fact.id, "supercategory": "image"} for number, fact in enumerate(FACTS, start=1)]
IN_MEMORY = 1024 * 1024  # bytes of annotations held in memory; more are in a temporary file until the images are written


def copy_name(sha256: str) -> str:
    """The file name of an image's copy in a shared folder."""
    return f"{sha256[:16]}.webp"


def image_of(row: Exported, number: int) -> dict[str, Any]:
    image = row.judged.image
    return {
        "id": number,
        "file_name": copy_name(image.sha256),
        "width": image.width,
        "height": image.height,
        "coco_url": next((address for place in image.places if (address := without_login(place.url))), None),
        "date_captured": moment_json(row.created_at),
        "sha256": image.sha256,
        "caption": caption_of(row),
        "page_url": without_login(row.url or row.target),
    }


def annotations_of(row: Exported, image: int, first: int) -> list[dict[str, Any]]:
    """One for each panel, else one for the whole image, numbered from `first`."""
    facts, verdict = row.judged.image, row.judged.verdict
    # A person's label is about the image as a whole.
    panels = [] if verdict.corrected else [(panel.box, panel.verdict, True) for panel in row.judged.panels]
    found = panels or [((0, 0, facts.width, facts.height), verdict, False)]
    return [
        {
            "id": first + place,
            "image_id": image,
            "category_id": MODALITIES.index(said.modality) + 1,
            "bbox": list(box),
            "area": box[2] * box[3],
            "iscrowd": 0,
            "score": round(said.confidence, 4),
            "sure": said.sure,
            "corrected": said.corrected,
            "panel": is_panel,
        }
        for place, (box, said, is_panel) in enumerate(found)
    ]


async def coco(rows: AsyncIterator[Exported]) -> AsyncGenerator[str, None]:
    """The manifest in pieces. Annotations come after the images, so they wait in a file."""
    about = {"description": "Images sorted by modality by medlens. The images belong to their owners.", "version": "1.0"}
    yield f'{{"info": {json.dumps(about)},\n"licenses": [],\n"categories": {json.dumps(CATEGORIES)},\n"images": ['
    images = annotations = 0
    with tempfile.SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8") as waiting:
        async for row in rows:
            images += 1
            yield ("\n" if images == 1 else ",\n") + json.dumps(image_of(row, images), ensure_ascii=False)
            for annotation in annotations_of(row, images, annotations + 1):
                annotations += 1
                waiting.write(("\n" if annotations == 1 else ",\n") + json.dumps(annotation))
        yield '],\n"annotations": ['
        waiting.seek(0)
        while piece := waiting.read(IN_MEMORY):
            yield piece
    yield "]}\n"
