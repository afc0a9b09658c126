"""Which number stands where in the features of an EfficientNet-Lite0 with a second branch. Constants alone: no torch, no graph.

Features [n, TWIN_DIM + DEEP]: the body's DEEP, which CLIP and K-Means share; the twin's DEEP; its TEXTURES: of each stage of
TEXTURE_STAGES in turn, all channels' means, then all their spreads over the picture.
"""

from __future__ import annotations

DEEP = 1280
TRUNK = 3  # stages that both branches share, since training leaves stem and first stages as they were
TEXTURE_STAGES = (0, 1, 2, 3, 4, 5)  # maps of a half to a thirty-second of the picture's side; the seventh adds nothing
STAGE_CHANNELS = (16, 24, 40, 80, 112, 192, 320)
TEXTURES = 2 * sum(STAGE_CHANNELS[stage] for stage in TEXTURE_STAGES)
TWIN_DIM = DEEP + TEXTURES
FLAT = 1e-6  # variance below which a map counts as flat; keeps the root's gradient finite
