"""The second branch of the CNN: ImageNet's own EfficientNet-Lite0, left as it was, and the texture that its early maps show.

Fine-tuning gains and forgets; the untouched network errs elsewhere, and the mean of both answers is better than either on images
from elsewhere (docs/experiments.md). Training leaves the stem and the first stages as they are, so both branches share them. The
early maps' means and spreads tell grain, noise and contrast, which deep features drop. This module knows no files and no training.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn

from server.models.layout import FLAT, TEXTURE_STAGES, TRUNK


class Twin(nn.Module):
    """`net`: a timm EfficientNet-Lite0, whose stages from TRUNK on are taken."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        stages = list(net.blocks.children())
        self.blocks = nn.Sequential(OrderedDict((str(number), stages[number]) for number in range(TRUNK, len(stages))))
        self.conv_head, self.bn2 = net.conv_head, net.bn2

    def forward(self, body: nn.Module, x: Tensor) -> Tensor:
        """[n, TWIN_DIM] of the pictures x [n, 3, h, w]: the deep features, then the textures. `body` has the shared trunk."""
        x = body.get_submodule("bn1")(body.get_submodule("conv_stem")(x))
        textures: list[Tensor] = []
        trunk = list(body.get_submodule("blocks").children())[:TRUNK]
        for number, stage in enumerate((*trunk, *self.blocks.children())):
            x = stage(x)
            if number in TEXTURE_STAGES:
                textures += [x.mean((2, 3)), (x.var((2, 3), correction=0) + FLAT).sqrt()]
        return torch.cat([self.bn2(self.conv_head(x)).mean((2, 3)), *textures], 1)
