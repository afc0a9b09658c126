"""PDFs written by hand or by PyMuPDF, what their pages show, and reading them as a scan does."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import Any

import numpy as np
import pymupdf
from PIL import Image

from server.contract.records import Candidate, Found, Source
from server.extract.readers import extract_pdf
from server.settings import Settings
from tests.drawn import drawn, encoded

PAGE = "/Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]"


def stream(entries: str, data: bytes) -> bytes:
    return f"<<{entries}/Length {len(data)}>>\nstream\n".encode() + data + b"\nendstream"


def image_object(image: Image.Image, entries: str = "/ColorSpace/DeviceRGB/BitsPerComponent 8", data: bytes | None = None) -> bytes:
    head = f"/Type/XObject/Subtype/Image/Width {image.width}/Height {image.height}/Filter/FlateDecode{entries}"
    return stream(head, zlib.compress(image.tobytes() if data is None else data))


def written(content: str | bytes, *objects: bytes, page: str = "", resources: str = "") -> bytes:
    """A PDF of one page; `objects` are number 5 and on, and images of the page by the names I5, I6 ..."""
    names = "".join(f"/I{number} {number} 0 R" for number in range(5, 5 + len(objects)))
    content = content.encode() if isinstance(content, str) else content
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<<{PAGE}{page}/Contents 4 0 R/Resources<</XObject<<{names}>>{resources}>>>>".encode(),
        stream("", content),
        *objects,
    ]
    out, offsets = b"%PDF-1.7\n", []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + part + b"\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    end = f"xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}trailer\n<</Size {len(parts) + 1}/Root 1 0 R>>\n"
    return out + end.encode() + f"startxref\n{len(out)}\n%%EOF\n".encode()


async def read(data: bytes, **settings: Any) -> list[Found]:
    return [found async for found in extract_pdf(Source("pdf", "test.pdf", data=data), Settings(**settings))]


async def the_image(data: bytes) -> tuple[Image.Image, Candidate]:
    [candidate] = await read(data)
    assert isinstance(candidate, Candidate), candidate
    return Image.open(BytesIO(candidate.data)), candidate


def is_blue(pixel: tuple[int, int, int]) -> bool:
    return pixel[2] > 120 and max(pixel[:2]) < 90


def endless(page: int) -> bytes:
    document = pymupdf.open()
    for number in (1, 2):
        shown = document.new_page(width=400, height=400)
        shown.insert_image((0, 0, 200, 160), stream=encoded(drawn()))
        if number == page:
            forms = [document.get_new_xref() for _ in range(10)]
            for index, xref in enumerate(forms):
                inner = f"/Resources<</XObject<</F {forms[index + 1]} 0 R>>>>" if index + 1 < len(forms) else ""
                document.update_object(xref, f"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]{inner}>>")
                document.update_stream(xref, b"/F Do " * 10 if inner else b"0 0 1 1 re f " * 10)
            contents = document.get_new_xref()
            document.update_object(contents, "<<>>")
            document.update_stream(contents, b"/F Do")
            document.xref_set_key(shown.xref, "Contents", f"{contents} 0 R")
            document.xref_set_key(shown.xref, "Resources", f"<</XObject<</F {forms[0]} 0 R>>>>")
    return bytes(document.tobytes())


def noise(seed: int, side: int = 128) -> bytes:
    out = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(out, "JPEG", quality=60)
    return out.getvalue()


def pages(count: int) -> pymupdf.Document:
    document = pymupdf.open()
    for number in range(count):
        document.new_page().insert_image((50, 50, 178, 178), stream=noise(number))
    return document


def candidates(found: list[Found]) -> list[Candidate]:
    return [one for one in found if isinstance(one, Candidate)]
