"""Slices through bodies, drawn: CT and MR of heads, trunks, limbs, spines and hearts.

The same body is drawn for both modalities with other tissue values, so that what tells them apart is what does in life: in CT bone
is brightest and brain nearly flat, in MR bone's wall is dark, fat bright and brain folded.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from server.training.drawn.phantom_shapes import blend, blurred, body, disc, grain, grey, spin, wall
from server.training.drawn.synthetic_textures import Field, Rng, clouds


def _table(rng: Rng, field: Field, x: Field, y: Field) -> Field:
    """Sometimes the couch below: one or two thin arcs."""
    if rng.random() < 0.5:
        arc = np.abs(y - rng.uniform(0.8, 0.95) + x**2 * rng.uniform(0, 0.35))
        field = np.maximum(field, (arc < 0.012) * rng.uniform(0.2, 0.6))
    return field


def _folds(rng: Rng, radius: Field) -> Field:
    """Lines like a brain's furrows, denser at its edge, 0..1."""
    field = clouds(rng, int(rng.integers(9, 16)), 2)
    ridge = np.exp(-(((field - np.median(field)) / 0.09) ** 2))
    return np.asarray(ridge * np.clip((radius - 0.35) * 2, 0, 1))


def _ventricles(rng: Rng, x: Field, y: Field) -> Field:
    """Above 0 inside: two horns beside the middle, of any size, or none of it."""
    size = rng.uniform(0.5, 1.5)
    side = np.abs(x) - 0.1 * size - 0.1 * np.abs(y)
    horns = 0.045 * size - np.abs(side) + 0.02 * rng.normal()
    return np.asarray(np.minimum(horns, 0.3 * size - np.abs(y - rng.uniform(-0.1, 0.1))))


def head_ct(rng: Rng) -> Image.Image:
    """Axial, in a brain or bone window, from the vertex to the skull base; with a bleed, a dark area or nothing."""
    x, y = spin(rng)
    wide = rng.uniform(0.6, 0.75)
    radius = body(rng, x, y, wide, wide * rng.uniform(1.1, 1.3), 0.03)
    thick, bone_window = rng.uniform(0.06, 0.13), rng.random() < 0.25
    flat = 0.3 if bone_window else rng.uniform(0.35, 0.6)
    contrast = 0.02 if bone_window else rng.uniform(0.05, 0.25)
    brain = flat + contrast * 0.4 * (clouds(rng, 5, 3) - 0.9) - contrast * 0.8 * _folds(rng, radius)
    brain = blend(brain, _ventricles(rng, x, y), flat - contrast, 0.03)
    if rng.random() < 0.4:
        lesion = disc(
            rng, x, y, rng.uniform(-0.35, 0.35), rng.uniform(-0.4, 0.4), rng.uniform(0.05, 0.2), rng.uniform(0.05, 0.2), 0.3
        )
        brain = blend(brain, 1 - lesion, flat + rng.choice((-0.7, 1.2)) * contrast, 0.3)
    brain = blend(brain, 0.012 - np.abs(x), flat + contrast * rng.uniform(0, 0.6), 0.02)
    field: Field = blend(np.zeros_like(x), 1.06 - radius, flat * rng.uniform(0.4, 0.9))
    field = wall(field, radius, thick, 1.0 - rng.uniform(0, 0.25) * clouds(rng, 30) * bone_window, brain, 0.03)
    if rng.random() < 0.3:  # skull base: petrous bone, air cells, orbits
        bones = clouds(rng, int(rng.integers(5, 9)), 2)
        field = blend(field, np.minimum(bones - np.quantile(bones, 0.78), 1 - radius), 1.0, 0.08)
        field = blend(field, np.minimum(np.quantile(bones, 0.08) - bones, 0.9 - radius), 0.0, 0.05)
    return grey(_table(rng, field, x, y) + grain(rng) * (field > 0.02), rng)


def head_mr(rng: Rng) -> Image.Image:
    """Axial or coronal T1, T2, FLAIR or proton density: bright scalp, dark skull, folded brain."""
    x, y = spin(rng)
    wide = rng.uniform(0.55, 0.72)
    radius = body(rng, x, y, wide, wide * rng.uniform(1.05, 1.35), 0.04)
    white, cortex, fluid = ((0.75, 0.5, 0.12), (0.35, 0.55, 1.0), (0.42, 0.6, 0.08), (0.55, 0.7, 0.6))[int(rng.integers(4))]
    matter = clouds(rng, 6, 2)
    brain = blend(np.full_like(x, cortex), np.minimum(matter - np.quantile(matter, 0.35), 0.85 - radius), white, 0.15)
    brain = brain + (fluid - brain) * 0.8 * _folds(rng, radius)
    brain = blend(brain, _ventricles(rng, x, y), fluid, 0.03)
    if rng.random() < 0.35:
        lesion = disc(
            rng, x, y, rng.uniform(-0.3, 0.3), rng.uniform(-0.35, 0.35), rng.uniform(0.06, 0.22), rng.uniform(0.06, 0.22), 0.25
        )
        brain = blend(brain, 1 - lesion, rng.uniform(0.1, 1) + 0.3 * (clouds(rng, 14, 2) - 0.8), 0.15)
    field: Field = blend(np.zeros_like(x), 1.14 - radius, rng.uniform(0.45, 1.0), 0.04) if rng.random() < 0.8 else np.zeros_like(x)
    field = wall(field, radius, 0.04 + rng.uniform(0, 0.06), 0.05, brain, 0.03)
    field = field * (1 + rng.uniform(0, 0.5) * (clouds(rng, 2) - 0.5))
    return grey(np.abs(field + grain(rng, 0.07)), rng)


def limbs_ct(rng: Rng) -> Image.Image:
    """Axial through thighs, knees, ankles or arms: one or two limbs, fat, muscle, one or two bones each."""
    x, y = spin(rng)
    muscle, bone_window = rng.uniform(0.35, 0.6), rng.random() < 0.4
    fat = muscle * (0.85 if bone_window else rng.uniform(0.3, 0.6))
    field: Field = np.zeros_like(x)
    for cx in (-0.48, 0.48) if rng.random() < 0.5 else (0.0,):
        wide = rng.uniform(0.33, 0.42) if cx else rng.uniform(0.5, 0.8)
        u, v = (x - cx) / wide, y / wide
        radius = body(rng, u, v, 1, rng.uniform(0.8, 1.2), 0.06)
        meat = clouds(rng, 4, 2)
        inner = blend(np.full_like(x, muscle), 0.05 - np.abs(meat - np.quantile(meat, rng.uniform(0.2, 0.8))), fat, 0.1)
        field = wall(field, radius, rng.uniform(0.05, 0.3), fat, inner + 0.05 * grain(rng, 1), 0.04)
        for _ in range(int(rng.integers(1, 3))):
            bone = disc(rng, u, v, rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4), rng.uniform(0.16, 0.42), rng.uniform(0.16, 0.42))
            marrow = rng.uniform(0.3, 0.65) + rng.uniform(0, 0.3) * (clouds(rng, 30, 2) - 0.8)
            field = wall(field, bone, rng.uniform(0.1, 0.4), rng.uniform(0.9, 1.0), marrow, 0.08)
    return grey(_table(rng, field, x, y) + grain(rng), rng)


def pelvis_ct(rng: Rng) -> Image.Image:
    """Axial through hips or sacrum, or coronal: round heads of the thigh in their sockets, wings, soft parts between."""
    x, y = spin(rng, 0.15)
    muscle = rng.uniform(0.35, 0.6)
    fat = muscle * rng.uniform(0.4, 0.9)
    radius = body(rng, x, y, 0.95, rng.uniform(0.6, 0.95), 0.04)
    meat = clouds(rng, 6, 2)
    inner = blend(np.full_like(x, muscle), np.quantile(meat, 0.3) - meat, fat, 0.1)
    field = wall(np.zeros_like(x), radius, rng.uniform(0.04, 0.2), fat, inner, 0.04)
    side, far = np.abs(x), rng.uniform(0.42, 0.6)
    marrow = rng.uniform(0.5, 0.75) + rng.uniform(0, 0.3) * (clouds(rng, 30, 2) - 0.8)
    ball = rng.uniform(0.13, 0.2)
    socket = np.abs(np.hypot(side - far, y) - ball * 1.25)
    opening = (side - far) * np.cos(rng.uniform(-1, 1)) + y * rng.uniform(-1, 1)
    field = blend(field, np.minimum(0.035 - socket, -opening), 1.0, 0.03)
    wing = np.abs((side - far + 0.1) * rng.uniform(0.5, 1.5) + (y + 0.2) * rng.uniform(0.3, 1) + 0.05 * clouds(rng, 3))
    field = blend(field, np.minimum(rng.uniform(0.03, 0.07) - wing, 0.35 - np.abs(y + 0.35)), rng.uniform(0.85, 1), 0.03)
    field = wall(field, np.hypot(side - far, y) / ball, rng.uniform(0.08, 0.2), 1.0, marrow, 0.08)
    if rng.random() < 0.6:
        field = wall(field, disc(rng, x, y, 0, rng.uniform(-0.5, 0.4), 0.22, 0.15, 0.2), 0.2, 0.95, marrow, 0.1)
    return grey(_table(rng, field, x, y) + grain(rng), rng)


def spine(rng: Rng, ct: bool) -> Image.Image:
    """Sagittal or coronal column: blocks and discs in a bent row; in MR with cord and fluid behind, in CT with bright walls."""
    x, y = spin(rng, 0.25)
    bend = rng.uniform(-0.3, 0.3) * y**2 + rng.uniform(-0.15, 0.15) * np.sin(y * 3)
    u = x - bend
    count, wide = rng.uniform(2.5, 7), rng.uniform(0.12, 0.24)
    phase = (y * count + rng.uniform(0, 1)) % 1
    gap = rng.uniform(0.07, 0.13)
    block = np.maximum(np.abs(u) / wide, np.abs(phase - 0.5) / (0.5 - gap))
    block = block + rng.uniform(0, 0.12) * (1 - np.abs(phase - 0.5) * 2)  # waisted
    soft = clouds(rng, 5, 3)
    if ct:
        muscle = rng.uniform(0.25, 0.55)
        field = muscle + rng.uniform(0.05, 0.25) * (soft - 0.8)
        field = blend(field, rng.uniform(-0.9, -0.6) - x, 0.02, 0.05)
        marrow = rng.uniform(0.5, 0.8) + rng.uniform(0, 0.25) * (clouds(rng, 34, 2) - 0.8)
        field = wall(field, block, rng.uniform(0.06, 0.16), 1.0, marrow, 0.1)
        spikes = np.maximum(np.abs(u - wide * 2.1) / (wide * 0.7), np.abs(phase - 0.55) / 0.28)
        return grey(wall(field, spikes, 0.3, 0.95, marrow, 0.2) + grain(rng, 0.09), rng)
    t2, fat = rng.random() < 0.5, rng.uniform(0.6, 1)
    field = rng.uniform(0.1, 0.3) + 0.2 * (soft - 0.8)
    field = blend(field, u - wide * rng.uniform(2.6, 3.4), fat * (0.7 + 0.3 * soft), 0.1)
    field = blend(field, wide - np.abs(u), rng.uniform(0.25, 0.9) if t2 else rng.uniform(0.15, 0.35), 0.04)
    field = wall(field, block, 0.06, 0.05, rng.uniform(0.3, 0.6) + 0.1 * (clouds(rng, 20, 2) - 0.8), 0.08)
    canal, cord = np.abs(u - wide * 1.45) / (wide * 0.42), np.abs(u - wide * 1.45) / (wide * 0.2)
    field = blend(blend(field, 1 - canal, 0.95 if t2 else 0.1, 0.15), 1 - cord, 0.4, 0.15)
    return grey(np.abs(field * (0.6 + 0.5 * clouds(rng, 2)) + grain(rng, 0.07)), rng)


def spine_ct(rng: Rng) -> Image.Image:
    return spine(rng, True)


def spine_mr(rng: Rng) -> Image.Image:
    return spine(rng, False)


def trunk(rng: Rng, ct: bool) -> Image.Image:
    """Axial chest or belly: lungs or organs, a vertebra, ribs. In MR the heart shows a bright pool in a grey ring."""
    x, y = spin(rng, 0.15)
    radius = body(rng, x, y, 0.93, rng.uniform(0.6, 0.78), 0.04)
    muscle = rng.uniform(0.4, 0.6)
    fat, vessel = (
        (muscle * rng.uniform(0.3, 0.6), muscle * rng.uniform(1.05, 1.7)) if ct else (rng.uniform(0.6, 1), rng.uniform(0.6, 1))
    )
    bone = 1.0 if ct else rng.uniform(0.15, 0.4)
    inner = muscle * (0.75 if ct else 0.5) + rng.uniform(0, 0.15) * (clouds(rng, 6, 3) - 0.8)
    field = wall(np.zeros_like(x), radius, rng.uniform(0.04, 0.2), fat, inner, 0.04)
    if rng.random() < 0.6:  # chest
        for side in (-1, 1):
            lung = disc(rng, x, y, side * 0.45, rng.uniform(-0.1, 0.05), rng.uniform(0.27, 0.36), rng.uniform(0.35, 0.48), 0.12)
            tree = clouds(rng, 24, 2)
            field = blend(field, 1 - lung, 0.04 + 0.25 * np.clip(tree - np.quantile(tree, 0.88), 0, 1) * 4, 0.05)
        cx, cy, size = rng.uniform(-0.1, 0.25), rng.uniform(-0.25, 0), rng.uniform(0.16, 0.27)
        heart = disc(rng, x, y, cx, cy, size * 1.5, size * 1.2, 0.1)
        field = blend(field, 1 - heart, muscle * 0.8, 0.06)
        field = wall(field, disc(rng, x, y, cx + size * 0.4, cy, size * 0.85, size * 0.85, 0.05), 0.3, muscle * 0.55, vessel, 0.05)
        field = blend(field, 1 - disc(rng, x, y, cx - size * 0.7, cy - size * 0.2, size * 0.5, size * 0.7, 0.15), vessel, 0.1)
    else:
        for _ in range(int(rng.integers(3, 9))):
            at = (rng.uniform(-0.6, 0.6), rng.uniform(-0.4, 0.3))
            organ = disc(rng, x, y, *at, rng.uniform(0.06, 0.38), rng.uniform(0.06, 0.3), 0.2)
            field = blend(
                field, np.minimum(1 - organ, 0.9 - radius), muscle * rng.uniform(0.5, 1.5) + 0.05 * (clouds(rng, 20) - 0.5), 0.05
            )
    back = rng.uniform(0.28, 0.42)
    field = wall(field, disc(rng, x, y, 0, back, 0.13, 0.11, 0.08), 0.15, bone, (0.55 if ct else 0.4) * bone + 0.1, 0.1)
    if ct:
        ribs = np.minimum(0.03 - np.abs(radius - 0.86), np.sin(np.arctan2(y, x) * rng.integers(7, 13) + rng.uniform(0, 6)) - 0.55)
        field = blend(field, ribs, bone, 0.03)
        return grey(_table(rng, field, x, y) + grain(rng), rng)
    return grey(np.abs(blurred(field, rng.uniform(0, 1.5)) * (0.5 + 0.7 * clouds(rng, 2)) + grain(rng, 0.07)), rng)


def trunk_ct(rng: Rng) -> Image.Image:
    return trunk(rng, True)


def trunk_mr(rng: Rng) -> Image.Image:
    return trunk(rng, False)
