"""The demonstration's web: a few pages of a few made-up hosts, all on one local site, and the files a person drops.

A page of `teaching.example.org` lives at /teaching.example.org/... ; history.py gives it its name back in the database.
"""

from __future__ import annotations

import io
from collections.abc import Iterable

import pymupdf
from PIL import Image
from pydicom.data import get_testdata_file

from docs.making.drawings import cells, chart, diagram, encoded, fundus, landscape
from docs.making.scanned import chest, hand, slice_of, ultrasound
from tests.site import Site, page

HEAD, SPINE, BELLY = "J2K_pixelrep_mismatch.dcm", "CT_small.dcm", "examples_overlay.dcm"
STYLE = "<style>body{font:16px sans-serif;max-width:760px;margin:40px auto}img{display:block;margin:18px 0;max-width:100%}</style>"


def pictures() -> dict[str, Image.Image]:
    """Every picture by its name. Turned and cut slices are pictures of their own; `-small` is a near copy."""
    made = {f"spine-{n}": slice_of(SPINE, n % 4, 0.04 * n, 420 + 10 * n) for n in range(4)}
    made |= {f"head-{n}": slice_of(HEAD, n % 4, 0.05 * n, 500) for n in range(3)}
    made |= {f"abdomen-{n}": slice_of(BELLY, 2 * (n % 2), 0.05 * n, 560) for n in range(3)}
    made["abdomen-0-small"] = made["abdomen-0"].resize((336, 208), Image.Resampling.BICUBIC)
    made["spine-0-small"] = made["spine-0"].resize((260, 260), Image.Resampling.BICUBIC)
    for name, draw in (("chest", chest), ("hand", hand), ("liver", ultrasound), ("retina", fundus), ("biopsy", cells)):
        made |= {f"{name}-{n}": draw(n + 1) for n in range(3)}
    for name, draw in (("hills", landscape), ("examinations", chart), ("flow", diagram)):
        made |= {f"{name}-{n}": draw(n + 1) for n in range(4)}
    made["logo"] = landscape(9).resize((48, 48))
    return made


# What was not yet on the first page when it was scanned before.
NEW = {"head-0", "retina-2"}
# host and path: title, pictures
PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "teaching.example.org/cases/head-and-spine": (
        "Teaching file 12: head and spine",
        (
            "head-0",
            "spine-0",
            "spine-0-small",
            "head-1",
            "abdomen-0",
            "retina-2",
            "liver-2",
            "examinations-0",
            "hills-0",
            "flow-0",
            "logo",
        ),
    ),
    "teaching.example.org/cases/abdominal-mri": (
        "Abdominal MRI, a walk in six pictures",
        ("abdomen-0", "abdomen-0-small", "abdomen-1", "abdomen-2", "flow-1", "logo"),
    ),
    "teaching.example.org/cases/chest-films": ("Reading chest films", ("chest-0", "hand-0", "examinations-1", "hills-1")),
    "atlas.example.net/ultrasound/liver": ("Liver cysts in ultrasound", ("liver-0", "liver-1", "flow-2", "hills-2")),
    "atlas.example.net/histology/carcinoma": ("Histology of carcinoma", ("biopsy-0", "biopsy-1", "biopsy-2", "examinations-2")),
    "atlas.example.net/eye/fundus": ("The fundus of the eye", ("retina-0", "retina-1", "biopsy-0", "hills-3")),
    "news.example.com/health/waiting-times": ("Waiting times for a scan fall", ("hills-0", "examinations-0", "spine-1")),
    "news.example.com/travel/hills": ("A weekend in the hills", ("hills-0", "hills-1", "hills-2", "hills-3")),
    "university.example.edu/radiology/ct": ("Computed tomography, lecture 3", ("head-1", "head-2", "spine-2", "flow-3")),
    "university.example.edu/radiology/bones": ("Bones of the hand", ("hand-0", "hand-1", "examinations-3")),
    "clinic.example.org/services/mri": ("Our MRI unit", ("abdomen-1", "hills-1", "logo")),
    "clinic.example.org/about": ("About the clinic", ("hills-2", "examinations-1", "logo")),
}
PAPER = "journal.example.org/articles/abdomen-and-spine.pdf"
GONE = "news.example.com/health/moved"


def paper(made: dict[str, Image.Image]) -> bytes:
    """Four pages of a paper, each with words and one or two figures."""
    words = "The sections below were taken on two days. Each figure names the plane, and the window it is shown with. " * 5
    with pymupdf.open() as document:
        for number, shown in enumerate((("abdomen-0", "flow-1"), ("spine-0",), ("head-2", "biopsy-1"), ("examinations-2",)), 1):
            sheet = document.new_page()
            sheet.insert_text((60, 70), f"Abdomen and spine, {number}", fontsize=17)
            sheet.insert_textbox((60, 90, 535, 190), words, fontsize=10)
            for place, name in enumerate(shown):
                sheet.insert_image((60, 210 + place * 260, 400, 450 + place * 260), stream=encoded(made[name]))
        document.set_metadata({"title": "Abdomen and spine in two planes"})
        whole: bytes = document.tobytes()
    return whole


def build(site: Site, made: dict[str, Image.Image]) -> None:
    """Put every page, its pictures and the paper on the site."""
    for address, (_, names) in PAGES.items():
        host = address.partition("/")[0]
        put(site, address)
        for name in names:
            site.add(f"/{host}/media/{name}.jpg", encoded(made[name]), "image/jpeg")
    site.add(f"/{PAPER}", paper(made), "application/pdf")


def put(site: Site, address: str, *, before: bool = False) -> None:
    """A page as it stands, or as it was `before` some of its pictures came."""
    title, names = PAGES[address]
    host = address.partition("/")[0]
    shown = [f'<img src="/{host}/media/{name}.jpg" alt="{spoken(name)}">' for name in names if not (before and name in NEW)]
    site.add(f"/{address}", page(f"{STYLE}<h1>{title}</h1>", *shown, title=title))


def spoken(name: str) -> str:
    return name.partition("-")[0].capitalize()


def dropped(made: dict[str, Image.Image], names: Iterable[str]) -> list[tuple[str, bytes]]:
    return [(f"{name}.png", encoded(made[name], "PNG")) for name in names]


def dicom_file(name: str = SPINE) -> tuple[str, bytes]:
    with open(get_testdata_file(name, download=False), "rb") as file:  # noqa: PTH123 - pydicom gives a string
        return "slice-017.dcm", io.BytesIO(file.read()).getvalue()
