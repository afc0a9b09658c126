"""Encodes the images that a PDF page draws: plain JPEGs stay unchanged, all others are decoded by MuPDF and encoded as PNG.

A plain JPEG that is upright on the page is kept byte for byte, so that an image in a PDF and on a web page has the same hash. One
that the page turns or mirrors is re-encoded. Re-encoded images are upright as on the page. Runs in the PDF child.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import pymupdf
from PIL import Image
from pymupdf import mupdf

from server.contract.errors import Damaged, ImageTooLarge
from server.extract.pdf_draws import Draw
from server.imaging import decode
from server.imaging.decode import check_rows

# Long side of a re-encoded image, pixels: four times what the models use, so that a saved copy is still good, while a book scanned
# at 600 dpi takes 0.1 s a page instead of a second.
REENCODED_SIDE = 3000
# Luminance (0..255) above which a stencil is painted on black, because it would be invisible on white.
PALE_INK = 200


# MuPDF's warning when a stream ends before its pixels do.
_TRUNCATED = "padding truncated image"

# MuPDF's warnings since the last call; most files cause some. (PyMuPDF has no types.)
take_warnings: Callable[[], str] = pymupdf.TOOLS.mupdf_warnings


def fingerprint(draws: Sequence[Draw]) -> bytes | None:
    """A key that identifies equal drawings without decoding them; None if MuPDF has only the decoded pixels of an image."""
    digest = hashlib.sha256()
    for draw in draws:
        for image in (draw.image, draw.image.mask()):
            if image.m_internal is None:
                continue
            stored = _stored(image)
            if stored is None:
                return None
            space = image.colorspace()
            name = mupdf.fz_colorspace_name(space) if space.m_internal else ""
            inner = image.m_internal
            digest.update(repr((image.w(), image.h(), inner.bpc, inner.n, inner.use_decode, name, len(stored))).encode())
            digest.update(stored)
        digest.update(repr((draw.turn, draw.colour)).encode())
        if len(draws) > 1:
            tile, origin = draw.tile, draws[0].tile
            digest.update(repr((round(tile.left - origin.left, 1), round(tile.top - origin.top, 1))).encode())
    return digest.digest()


def encode(draws: Sequence[Draw], max_pixels: int) -> bytes:
    """The image of one draw, or of the tiles of several. Raises ImageTooLarge (by the headers alone) or Damaged."""
    wanted = sum(width * height for width, height in (draw.size for draw in draws))
    if wanted > max_pixels:
        size = " x ".join(map(str, draws[0].size)) if len(draws) == 1 else f"{wanted} in {len(draws)} tiles"
        raise ImageTooLarge(f"{size} pixels are more than the {max_pixels} allowed (MEDLENS_MAX_PIXELS)")
    if len(draws) > 1:
        return decode.to_png(_join_tiles(draws))
    [draw] = draws
    return _plain_jpeg(draw) or decode.to_png(_image(draw))


def _stored(image: mupdf.FzImage) -> bytes | None:
    """The compressed bytes of an image as in the file, decrypted; None when MuPDF keeps only the decoded pixels."""
    buffer = mupdf.fz_compressed_image_buffer(image)
    if buffer.m_internal is None or buffer.m_internal.buffer is None:
        return None
    return bytes(mupdf.fz_buffer_extract_copy(mupdf.FzBuffer(mupdf.ll_fz_keep_buffer(buffer.m_internal.buffer))))


def _plain_jpeg(draw: Draw) -> bytes | None:
    """The stored JPEG, if the page shows it unchanged: grey or RGB, upright, no mask, no decode array, no colour key."""
    image, inner = draw.image, draw.image.m_internal
    space = image.colorspace()
    if mupdf.fz_compressed_image_type(image) != mupdf.FZ_IMAGE_JPEG or draw.colour is not None or space.m_internal is None:
        return None
    if draw.turn is not None:
        return None
    if image.mask().m_internal is not None or inner.use_decode or inner.use_colorkey or not _screen_colours(space):
        return None
    stored = _stored(image)
    return stored if stored and stored.startswith(b"\xff\xd8\xff") else None


def _image(draw: Draw) -> Image.Image:
    """The decoded image: L, RGB or RGBA, upright, long side at most REENCODED_SIDE."""
    image = draw.image
    stencil = draw.colour is not None
    decoded = _ink(_decoded(image), draw.colour) if draw.colour is not None else _decoded(image)
    mask = image.mask()
    if mask.m_internal is not None and not stencil:
        alpha = _decoded(mask)
        alpha = alpha if alpha.mode == "L" else alpha.convert("L")
        # A mask finer than its image has the detail (text over a coarse background): enlarge the image, do not shrink the mask.
        size = max(decoded.width, alpha.width), max(decoded.height, alpha.height)
        decoded = decoded.convert("RGB").resize(size)
        decoded.putalpha(alpha.resize(size))
    return decoded.transpose(draw.turn) if draw.turn is not None else decoded


def _decoded(image: mupdf.FzImage) -> Image.Image:
    """Decode with MuPDF, which halves large images while reading; long side at most REENCODED_SIDE. A mask gives mode L."""
    scale = min(1.0, REENCODED_SIDE / max(image.w(), image.h()))
    wanted = mupdf.FzMatrix(image.w() * scale, 0, 0, image.h() * scale, 0, 0)
    take_warnings()
    raw, _, _ = mupdf.ll_fz_get_pixmap_from_image(image.m_internal, None, wanted.internal())
    pixmap = mupdf.FzPixmap(raw)
    space = mupdf.fz_pixmap_colorspace(pixmap)
    if space.m_internal is not None and not _screen_colours(space):
        none = (mupdf.FzColorspace(), mupdf.FzDefaultColorspaces(None), mupdf.FzColorParams())
        pixmap = mupdf.fz_convert_pixmap(pixmap, mupdf.fz_device_rgb(), *none, 1)
    channels, alpha = pixmap.n(), pixmap.alpha()
    mode = {(1, 0): "L", (1, 1): "L", (2, 1): "La", (3, 0): "RGB", (4, 1): "RGBa"}.get((channels, alpha))
    if mode is None:
        raise Damaged(f"an image of {channels} channels")
    samples = mupdf.fz_pixmap_samples_memoryview(pixmap)
    decoded = Image.frombytes(mode, (pixmap.w(), pixmap.h()), samples, "raw", mode, pixmap.stride())
    if _TRUNCATED in take_warnings():
        check_rows(decoded)
    del samples, pixmap  # frees memory before the next step allocates
    if scale < 1:  # halving stops short of the wanted size
        size = max(1, round(image.w() * scale)), max(1, round(image.h() * scale))
        decoded = decoded.resize(size, reducing_gap=2.0) if max(decoded.size) > REENCODED_SIDE else decoded
    return decoded.convert({"La": "LA", "RGBa": "RGBA"}[mode]) if mode in ("La", "RGBa") else decoded


def _screen_colours(space: mupdf.FzColorspace) -> bool:
    """Grey or RGB, with or without a profile; not CMYK, Lab, an ink of its own, or a palette."""
    return bool(mupdf.fz_colorspace_is_gray(space) or mupdf.fz_colorspace_is_rgb(space))


def _ink(coverage: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Paint a stencil in its colour on white, or on black if the colour is pale."""
    red, green, blue = colour
    ground = 0 if 0.299 * red + 0.587 * green + 0.114 * blue > PALE_INK else 255
    channels = [coverage.point([ground + (value - ground) * cover // 255 for cover in range(256)]) for value in colour]
    return channels[0] if red == green == blue else Image.merge("RGB", channels)


def _join_tiles(draws: Sequence[Draw]) -> Image.Image:
    """Paste the tiles at their places on a white ground, at the scale of the finest tile."""
    tiles = [draw.tile for draw in draws]
    left, top = min(tile.left for tile in tiles), min(tile.top for tile in tiles)
    wide, high = max(tile.right for tile in tiles) - left, max(tile.bottom for tile in tiles) - top
    across = max(tile.width / (tile.right - tile.left) for tile in tiles)
    down = max(tile.height / (tile.bottom - tile.top) for tile in tiles)
    shrink = min(1.0, REENCODED_SIDE / max(wide * across, high * down))
    across, down = across * shrink, down * shrink
    sheet = Image.new("RGB", (max(1, round(wide * across)), max(1, round(high * down))), "white")
    for draw, tile in zip(draws, tiles, strict=True):
        x, y = round((tile.left - left) * across), round((tile.top - top) * down)
        size = max(1, round((tile.right - left) * across) - x), max(1, round((tile.bottom - top) * down) - y)
        part = _image(draw).resize(size)
        sheet.paste(part, (x, y), part.getchannel("A") if part.mode in ("LA", "RGBA") else None)
    return sheet
