"""Office documents and books: each image with its slide or chapter, its alternative text and what stands beside it."""

from __future__ import annotations

import pytest

from server.contract.errors import Damaged
from server.contract.extracted import Extracted
from server.contract.records import Candidate, Place
from server.source.open import open_upload
from tests.extract.packed import codes, images, names, read_as, reasons, zipped
from tests.site import picture

ONE, TWO, THREE = (picture("PNG", (120, 120), seed) for seed in (1, 2, 3))
TYPES = b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
NAMES = 'xmlns:a="urn:a" xmlns:p="urn:p" xmlns:r="urn:r" xmlns:w="urn:w" xmlns:wp="urn:wp" xmlns:v="urn:v"'


def links(**targets: str) -> bytes:
    rows = "".join(f'<Relationship Id="{key}" Target="{target}"/>' for key, target in targets.items())
    return f'<Relationships xmlns="urn:rels">{rows}</Relationships>'.encode()


def slide(title: str, text: str, link: str, alt: str) -> bytes:
    return f"""<p:sld {NAMES}><p:cSld><p:spTree>
    <p:sp><p:nvSpPr><p:nvPr><p:ph type="title"/></p:nvPr></p:nvSpPr>
    <p:txBody><a:p><a:r><a:t>{title}</a:t></a:r></a:p></p:txBody></p:sp>
    <p:sp><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>
    <p:pic><p:nvPicPr><p:cNvPr id="4" name="Picture 3" descr="{alt}"/></p:nvPicPr>
    <p:blipFill><a:blip r:embed="{link}"/></p:blipFill></p:pic>
    </p:spTree></p:cSld></p:sld>""".encode()


def deck(**more: bytes) -> bytes:
    """Two slides, shown in the other order than they are numbered, and an image of the master."""
    return zipped(
        {
            "[Content_Types].xml": TYPES,
            "docProps/core.xml": b'<cp xmlns:dc="urn:dc"><dc:title>Chest week</dc:title></cp>',
            "ppt/presentation.xml": (
                f'<p:presentation {NAMES}><p:sldIdLst><p:sldId id="256" r:id="r2"/><p:sldId id="257" r:id="r1"/></p:sldIdLst>'
                "</p:presentation>"
            ).encode(),
            "ppt/_rels/presentation.xml.rels": links(r1="slides/slide1.xml", r2="slides/slide2.xml"),
            "ppt/slides/slide1.xml": slide("Pneumonia", "Lobar", "r1", "CT of the chest"),
            "ppt/slides/_rels/slide1.xml.rels": links(r1="../media/image1.png"),
            "ppt/slides/slide2.xml": slide("Welcome", "to radiology", "r7", "a film"),
            "ppt/slides/_rels/slide2.xml.rels": links(r7="../media/image2.png"),
            "ppt/media/image1.png": ONE,
            "ppt/media/image2.png": TWO,
            "ppt/media/image3.png": THREE,
        }
        | more
    )


def said(place: Place) -> dict[str, str]:
    return {text.source: text.text for text in place.texts}


async def test_slides_come_in_their_order_with_title_text_and_alternative_text() -> None:
    found = await read_as("deck.pptx", deck())
    assert [(one.data, one.place.page, one.place.alt) for one in images(found)] == [
        (TWO, 1, "a film"), (ONE, 2, "CT of the chest"), (THREE, None, None)
    ]  # fmt: skip
    assert said(images(found)[1].place) == {"heading": "Pneumonia", "paragraph": "Lobar"}
    assert any(getattr(one, "title", None) == "Chest week" for one in found)
    assert open_upload("no name", deck()).kind == "document"


async def test_texts_stay_in_the_file_when_context_is_off() -> None:
    assert all(not one.place.texts for one in images(await read_as("deck.pptx", deck(), context="off")))


async def test_an_image_on_two_slides_has_two_places() -> None:
    data = deck(**{"ppt/slides/_rels/slide2.xml.rels": links(r7="../media/image1.png")})
    assert [(one.data, one.place.page) for one in images(await read_as("d.pptx", data))[:2]] == [(ONE, 1), (ONE, 2)]


async def test_a_text_gives_each_image_its_heading_and_caption() -> None:
    def paragraph(inner: str, style: str = "") -> str:
        style = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
        return f"<w:p>{style}{inner}</w:p>"

    def text(words: str) -> str:
        return f"<w:r><w:t>{words}</w:t></w:r>"

    drawing = '<w:drawing><wp:docPr id="1" descr="knee"/><a:blip r:embed="r1"/></w:drawing>'
    body = paragraph(text("Findings"), "Heading1") + paragraph(text("The knee hurts.")) + paragraph(drawing)
    body += paragraph(text("Figure 1. MRI of the knee"), "Caption") + paragraph('<w:pict><v:imagedata r:id="r2"/></w:pict>')
    files = {
        "[Content_Types].xml": TYPES,
        "word/document.xml": f"<w:document {NAMES}><w:body>{body}</w:body></w:document>".encode(),
        "word/_rels/document.xml.rels": links(r1="media/a.png", r2="media/b.png"),
        "word/media/a.png": ONE,
        "word/media/b.png": TWO,
    }
    first, second = images(await read_as("report.docx", zipped(files)))
    assert (first.data, first.place.alt, first.place.page) == (ONE, "knee", None)
    assert said(first.place) == {"caption": "Figure 1. MRI of the knee", "paragraph": "The knee hurts.", "heading": "Findings"}
    assert second.data == TWO


async def test_slides_of_open_document() -> None:
    names_ = 'xmlns:draw="urn:d" xmlns:office="urn:o" xmlns:text="urn:t" xmlns:xlink="urn:x"'
    names_ += ' xmlns:svg="urn:s" xmlns:presentation="urn:p"'
    content = f"""<office:document-content {names_}><draw:page>
    <draw:frame presentation:class="title"><text:p>Liver</text:p></draw:frame>
    <draw:frame><draw:image xlink:href="Pictures/1.png"/><svg:desc>a sonogram</svg:desc></draw:frame>
    </draw:page></office:document-content>"""
    files = {
        "mimetype": b"application/vnd.oasis.opendocument.presentation",
        "content.xml": content.encode(),
        "Pictures/1.png": ONE,
        "Pictures/2.png": TWO,
    }
    first, second = images(await read_as("x", zipped(files)))
    assert (first.data, first.place.page, first.place.alt, said(first.place)) == (ONE, 1, "a sonogram", {"heading": "Liver"})
    assert (second.data, second.place.page) == (TWO, None)


def book(chapter: str, **more: bytes) -> bytes:
    return zipped(
        {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": b'<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
            "OEBPS/book.opf": (
                b"<package><metadata><title>Atlas</title></metadata><manifest>"
                b'<item id="a" href="a.xhtml"/><item id="b" href="t/b.xhtml"/></manifest>'
                b'<spine><itemref idref="b"/><itemref idref="a"/></spine></package>'
            ),
            "OEBPS/a.xhtml": b"<html><body><p>The end</p></body></html>",
            "OEBPS/t/b.xhtml": chapter.encode(),
            "OEBPS/img/one.png": ONE,
        }
        | more
    )


async def test_a_book_is_read_in_its_order() -> None:
    chapter = "<!DOCTYPE html><html><body><h1>Bones</h1><p>Before</p><figure><img src='../img/one.png' alt='hand'/>"
    [found] = images(await read_as("x", book(chapter + "<figcaption>Fig. 1: X-ray</figcaption></figure></body></html>")))
    assert (found.data, found.place.page, found.place.alt) == (ONE, 1, "hand")
    assert said(found.place) == {"caption": "Fig. 1: X-ray", "paragraph": "Before", "heading": "Bones"}


async def test_drawings_and_files_inside_are_files_and_missing_ones_are_named() -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    data = deck(**{
        "ppt/media/image1.png": svg,
        "ppt/slides/_rels/slide2.xml.rels": links(r7="../media/gone.png"),
        "ppt/embeddings/case.pdf": b"%PDF-1.4\n",
    })  # fmt: skip
    found = await read_as("deck.pptx", data)
    assert names(found) == ["ppt/media/image1.png", "ppt/embeddings/case.pdf"]
    assert reasons(found) == ["unreadable"]
    meta = await read_as("deck.pptx", deck(**{"ppt/media/image1.png": b"\x01\0\0\0 EMF"}))
    assert reasons(meta) == ["unknown_format"]


@pytest.mark.parametrize(
    "xml",
    [
        b"<p:presentation xmlns:p='urn:p'><broken",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><p:presentation xmlns:p="urn:p">&b;</p:presentation>',
    ],
)
async def test_broken_xml_and_entities_are_refused(xml: bytes) -> None:
    with pytest.raises(Damaged):
        await read_as("deck.pptx", deck(**{"ppt/presentation.xml": xml}))


async def test_a_zip_that_is_no_document_and_a_bomb_in_a_document() -> None:
    with pytest.raises(Damaged):
        await read_as("x.pptx", zipped({"a.txt": b"x"}))
    found: list[Extracted] = await read_as("deck.pptx", deck(**{"ppt/media/image1.png": ONE + bytes(60_000_000)}))
    assert [one.data for one in found if isinstance(one, Candidate)] == [TWO, THREE]
    assert reasons(found) == ["too_large"]
    found = await read_as("deck.pptx", deck(), {"max_entries": 1})
    assert (len(images(found)), codes(found)) == (1, ["too_large"])
