"""The layout of the feature vector of an EfficientNet-Lite0 with textures.

Features [n, DEEP + TEXTURES]: the last map's channels pooled, which CLIP and K-Means share; then of each stage of TEXTURE_STAGES in
turn all channels' means, then all their spreads over the image.
"""

from __future__ import annotations

DEEP = 1280
TEXTURE_STAGES = (0, 1, 2, 3, 4, 5)  # maps of a half to a thirty-second of the image's side; the seventh adds nothing
STAGE_CHANNELS = (16, 24, 40, 80, 112, 192, 320)
TEXTURES = 2 * sum(STAGE_CHANNELS[stage] for stage in TEXTURE_STAGES)
FLAT = 1e-6  # variance below which a map counts as flat; keeps the root's gradient finite
STRIDES = (2, 4, 8, 16, 16, 32, 32)  # pixels of the image from one value of a stage's map to the next
# Of the larger pass over compound figures (parts.py): the cells' side in pixels, and the stages whose maps describe one.
CELL = 64
CELL_SPREADS = (4, 2)
CELL_MEANS = (5,)
CELL_CHANNELS = DEEP + 2 * sum(STAGE_CHANNELS[stage] for stage in CELL_SPREADS) + sum(STAGE_CHANNELS[stage] for stage in CELL_MEANS)
