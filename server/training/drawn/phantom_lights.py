"""Medical images in colour, by sound or by tracer, drawn: eye grounds, endoscopies, lesions, tissue, scintigrams, ultrasound.

Drawn after what such images show in textbooks, not after any image of the data.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from server.training.drawn.phantom_shapes import anywhere, as_rgb, blend, blurred, body, disc, grain, grey, spin
from server.training.drawn.phantom_views import skin, vessels
from server.training.drawn.synthetic_textures import GRID, SIDE, Rng, clouds, in_colours


def eye_ground(rng: Rng) -> Image.Image:
    """A fundus: an orange or red disc on black, vessels from a bright spot, a dark one beside it, spots; or in green light."""
    x, y = spin(rng, 0.4)
    radius = np.hypot(x, y) / rng.uniform(0.8, 1.25)
    tone = np.array([(215, 120, 60), (190, 70, 35), (225, 150, 100), (150, 60, 30)])[int(rng.integers(4))]
    rgb = tone * (1.1 - 0.35 * radius**2 + 0.2 * (clouds(rng, 5, 2) - 0.75))[..., None]
    cx, cy = rng.choice((-1, 1)) * rng.uniform(0.2, 0.5), rng.uniform(-0.1, 0.1)
    lines = vessels(rng, [((cx + 1) / 2 * SIDE, (cy + 1) / 2 * SIDE)] * 6, (1.2, 4), 45)
    rgb = rgb * (1 - rng.uniform(0.3, 0.6) * lines)[..., None]
    cup = np.clip((1 - disc(rng, x, y, cx, cy, 0.13, 0.15)) * 4, 0, 1)[..., None]
    rgb = rgb * (1 - 0.8 * cup) + 0.8 * cup * np.array((250, 225, 150))
    rgb = rgb * (1 - 0.45 * np.exp(-((x + cx) ** 2 + (y - cy) ** 2) / 0.03))[..., None]
    for _ in range(int(rng.integers(0, 14)) if rng.random() < 0.5 else 0):
        spot = np.clip((1 - anywhere(rng, x, y, 0.7, 0.015, 0.08, 0.25)) * 3, 0, 1)[..., None]
        rgb = rgb * (1 - spot) + spot * np.array((250, 230, 140) if rng.random() < 0.5 else (110, 20, 15))
    rgb = rgb * np.clip((1 - radius) / 0.03, 0, 1)[..., None]
    image = as_rgb(rgb + rng.normal(size=rgb.shape) * rng.uniform(0, 5))
    return image.getchannel("G").convert("RGB") if rng.random() < 0.12 else image


def endoscopy(rng: Rng) -> Image.Image:
    """A wet pink tube seen from inside: dark depth, folds, fine vessels, glare, a polyp; black corners, sometimes letters."""
    x, y = spin(rng, 3.1)
    tone = np.array([(215, 120, 100), (190, 80, 70), (225, 150, 110), (200, 130, 130)])[int(rng.integers(4))]
    cx, cy = rng.uniform(-0.5, 0.5, 2)
    deep = np.hypot(x - cx, y - cy) + 0.1 * (clouds(rng, 4) - 0.5)
    light = np.clip(deep * rng.uniform(0.8, 2), rng.uniform(0.05, 0.4), 1)
    light = light * (1 + rng.uniform(0, 0.3) * np.sin(np.log(deep + 0.1) * rng.uniform(4, 12) + clouds(rng, 3) * 3))
    rgb = tone * (light * (0.85 + 0.3 * clouds(rng, 8, 4) * 0.5))[..., None]
    start = [tuple(rng.uniform(0, SIDE, 2)) for _ in range(4)]
    rgb = rgb * (1 - np.array((0.1, 0.35, 0.3)) * rng.uniform(0, 1) * vessels(rng, start, (0.8, 2), 30)[..., None])
    if rng.random() < 0.5:
        lump = anywhere(rng, x, y, 0.4, 0.12, 0.4, 0.12)
        rgb = rgb * np.where(lump < 1, 1.25 - 0.5 * lump**2, 1)[..., None]
    wet = clouds(rng, int(rng.integers(14, 40)), 2)
    glare = np.clip((wet - np.quantile(wet, rng.uniform(0.96, 0.998))) * 30, 0, 1) * (light > 0.45)
    rgb = rgb + 255 * blurred(glare, 0.6)[..., None]
    if rng.random() < 0.6:
        shape = np.maximum(np.abs(GRID[0]), np.abs(GRID[1])) + rng.uniform(0.3, 0.6) * np.minimum(np.abs(GRID[0]), np.abs(GRID[1]))
        rgb = rgb * np.clip((rng.uniform(1.0, 1.25) - shape) / 0.02, 0, 1)[..., None]
    image = as_rgb(rgb)
    if rng.random() < 0.25:
        ImageDraw.Draw(image).text((4, 4), f"{rng.integers(10, 29)}/0{rng.integers(1, 9)}", fill=(230, 230, 230))
    return image


def lesion(rng: Rng) -> Image.Image:
    """Skin close by, through a dermatoscope or not: a brown, black or pink patch with net, dots, hairs, bubbles, dark corners."""
    rgb, _ = skin(rng, filled=True)
    rgb = rgb * 0.5 + 0.5 * np.array((225, 175, 160))
    x, y = spin(rng, 3.1)
    place = anywhere(rng, x, y, 0.2, 0.15, 0.75, 0.2)
    tones = np.array([(150, 95, 70), (90, 55, 45), (60, 45, 50), (200, 110, 105), (120, 105, 115)])
    one, two = tones[rng.permutation(5)[:2]]
    mix = np.clip((clouds(rng, int(rng.integers(3, 12)), 3) - 0.5) * 1.4, 0, 1)[..., None]
    net = 1 - rng.uniform(0, 0.25) * (clouds(rng, int(rng.integers(20, 50))) > 0.55)
    share = np.clip((1 - place) / rng.uniform(0.1, 0.6), 0, 1)[..., None] * rng.uniform(0.5, 1)
    rgb = rgb * (1 - share) + share * (one * mix + two * (1 - mix)) * net[..., None]
    image = as_rgb(rgb)
    draw = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(0, 25)) if rng.random() < 0.4 else 0):
        left, top, size, turn = rng.uniform(-60, SIDE), rng.uniform(-60, SIDE), rng.uniform(60, 250), rng.uniform(0, 360)
        draw.arc((left, top, left + size, top + size), turn, turn + rng.uniform(30, 120), fill=(50, 35, 30))
    if rng.random() < 0.35:
        dark = np.clip((rng.uniform(0.95, 1.25) - np.hypot(GRID[0], GRID[1])) / 0.08, 0, 1)[..., None]
        image = as_rgb(np.asarray(image) * dark)
    return image


def tissue(rng: Rng) -> Image.Image:
    """A stained section: pink ground of fibres and glands, purple nuclei; or brown on blue."""
    fibres = clouds(rng, int(rng.integers(6, 20)), 4)
    wave = np.sin(clouds(rng, 3, 2) * rng.uniform(15, 60))
    pinks = np.array([(240, 190, 215), (215, 130, 180), (250, 235, 240)])
    if brown := rng.random() < 0.2:
        pinks = np.array([(225, 225, 235), (200, 205, 225), (245, 243, 240)])
    mix = np.clip((fibres - 0.8) * 2 + rng.uniform(0, 0.5) * wave + 0.5, 0, 1)[..., None]
    rgb = pinks[0] * (1 - mix) + pinks[1] * mix
    holes = clouds(rng, int(rng.integers(3, 9)), 2)
    cut = np.quantile(holes, rng.uniform(0.55, 1))
    white = np.clip((holes - cut) / 0.04, 0, 1)
    rgb = rgb * (1 - white[..., None]) + pinks[2] * white[..., None]
    image, size = Image.new("L", (SIDE, SIDE)), rng.uniform(2.5, 9)
    draw = ImageDraw.Draw(image)
    crowd = np.exp(-(((holes - cut) / rng.uniform(0.05, 0.6)) ** 2)) + 0.1
    for _ in range(int(rng.uniform(2500, 9000) / size)):
        u, v = rng.uniform(0, SIDE, 2)
        if rng.random() < crowd[int(v), int(u)] and white[int(v), int(u)] < 0.5:
            wide, high = rng.uniform(0.35, 0.6, 2) * size
            draw.ellipse((u - wide, v - high, u + wide, v + high), fill=int(rng.integers(110, 255)))
    dark = (blurred(np.asarray(image, np.float64) / 255, rng.uniform(0.4, 1)) * (0.7 + 0.4 * clouds(rng, 50)))[..., None]
    dye = np.array((110, 60, 30)) if brown and rng.random() < 0.5 else np.array((85, 50, 130))
    return as_rgb(rgb * (1 - dark) + dark * dye + rng.normal(size=rgb.shape) * rng.uniform(0, 6))


def scintigram(rng: Rng) -> Image.Image:
    """A tracer in a body: PET or SPECT, blurred and noisy, hot spots; dark on white, white on black, or in a hot colour scale."""
    x, y = spin(rng, 0.1)
    if rng.random() < 0.5:  # the whole body, standing
        trunk = np.minimum(body(rng, x, y + 0.05, 0.2, 0.42, 0.05), body(rng, x, y + 0.75, 0.1, 0.14, 0.03))
        legs = body(rng, np.abs(x) - 0.1, y - 0.65, 0.08, 0.45, 0.05)
        arms = body(rng, np.abs(x) - 0.3, y, 0.06, 0.45, 0.05)
        radius = np.minimum(np.minimum(trunk, legs), arms)
    else:
        radius = body(rng, x, y, rng.uniform(0.5, 0.85), rng.uniform(0.5, 0.75), 0.05)
    field = rng.uniform(0.05, 0.25) * np.clip((1 - radius) * 5, 0, 1) * clouds(rng, 8, 2)
    for _ in range(int(rng.integers(2, 12))):
        wide, high = rng.uniform(0.03, 0.22, 2)
        spot = disc(rng, x, y, rng.normal() * 0.2, rng.normal() * 0.35, wide, high, 0.15)
        field = field + rng.uniform(0.1, 0.8) * np.clip((1 - spot) * 3, 0, 1) * (radius < 1)
    field = blurred(np.clip(field, 0, 1), rng.uniform(2, 6))
    field = rng.poisson(field * (counts := rng.uniform(15, 120))) / counts
    field = blurred(np.clip(field, 0, 1), rng.uniform(0.5, 1.5)) * rng.uniform(1, 2)
    look = rng.random()
    if look < 0.6:
        return grey(1 - field if look < 0.35 else field, rng)
    stops = np.array([(0, 0, 0), (150, 0, 20), (255, 90, 0), (255, 220, 40), (255, 255, 255)])
    if look > 0.85:
        stops = np.array([(0, 0, 60), (0, 120, 200), (0, 220, 100), (255, 220, 0), (255, 30, 20)])
    return as_rgb(in_colours(np.clip(field, 0, 1), np.linspace(0, 1, 5), stops))


def sonogram(rng: Rng) -> Image.Image:
    """Ultrasound: a fan or box of speckle with layers, dark cysts, bright walls, shadows; ticks, letters, flow in colour."""
    x, y = spin(rng, 0.02)
    top = rng.uniform(1.05, 1.5)
    far, angle = np.hypot(x, y + top), np.arctan2(x, y + top)
    depth = (far - top + 1) / rng.uniform(1.75, 2.1)
    inside = np.minimum(rng.uniform(0.45, 0.75) - np.abs(angle), np.minimum(depth, 1 - depth) * 2)
    if boxed := rng.random() < 0.35:
        depth, inside = (y + 1) / 2, rng.uniform(0.7, 1) - np.abs(x)
    tone = rng.uniform(0.15, 0.45) + rng.uniform(0.1, 0.6) * (clouds(rng, int(rng.integers(4, 10)), 3) - 0.8)
    tone = tone + rng.uniform(0, 0.3) * np.sin(depth * rng.uniform(8, 40) + 2 * clouds(rng, 3)) * np.exp(-depth * 3)
    for _ in range(int(rng.integers(0, 5))):
        cx, cy = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.6)
        wide, high = rng.uniform(0.06, 0.4, 2)
        cyst = disc(rng, x, y, cx, cy, wide, high, 0.12)
        tone = blend(tone, 1 - cyst, rng.choice((0.01, 0.05, 0.5)), 0.1) + rng.uniform(0, 0.6) * np.exp(-(((cyst - 1) / 0.08) ** 2))
        if rng.random() < 0.3:
            tone = tone * (1 - rng.uniform(0.4, 0.9) * ((np.abs(x - cx) < 0.1) & (y > cy)))
    speckle = rng.gamma(rng.uniform(1, 2.5), 1, x.shape)
    speckle = (speckle + np.roll(speckle, 1, 1) + np.roll(speckle, 2, 1) * (not boxed)) / speckle.mean() / 3
    field = np.clip(tone, 0.01, 1.2) * speckle**0.8 * np.clip(1.3 - 0.5 * depth, 0.3, 1)
    field = blend(np.zeros_like(x), inside, field, 0.01)
    image = grey(blurred(np.clip(field, 0, 1), rng.uniform(0.3, 0.9)) + grain(rng, 0.01) * (inside > 0), rng)
    if rng.random() < 0.2:
        flow = anywhere(rng, x, y, 0.3, 0.06, 0.2, 0.3)
        share = np.clip((1 - flow) * 4, 0, 1)[..., None] * (clouds(rng, 20) > 0.4)[..., None]
        warm = np.where((clouds(rng, 6) > 0.5)[..., None], (220, 60, 20), (30, 70, 220))
        whole = np.asarray(image.resize((SIDE, SIDE)), np.float64)
        image = as_rgb(whole * (1 - share) + share * warm)
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.5:
        for at in range(10, image.height, int(rng.integers(12, 30))):
            draw.line((image.width - 8, at, image.width - 4, at), fill=(200, 200, 200))
    if rng.random() < 0.4:
        draw.text((5, 5), f"{rng.uniform(2, 9):.1f} MHz", fill=(220, 220, 220))
    return image
