"""torchvision's ImageNet MobileNetV2, pulled by the user, as a checkpoint for `cluster --features mobilenet_v2`.

Converted once, at its first use.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from server.contract.errors import ModelError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.registry import REMOTE

NAME: Literal["mobilenet_v2"] = "mobilenet_v2"


def mobilenet_checkpoint(data_dir: Path) -> Path:
    """Our checkpoint of MobileNetV2: one the user trained, or torchvision's converted. Raises WeightsMissing or ModelError."""
    models = data_dir / "models"
    trained, converted = models / f"{NAME}.safetensors", models / f"{NAME}-imagenet.safetensors"
    for path in (trained, converted):
        if path.is_file():
            return path
    pulled = models / REMOTE[NAME].folder / REMOTE[NAME].files[0].name
    if not pulled.is_file():
        raise WeightsMissing(f"no MobileNetV2 on this machine; `medlens models pull {NAME}` fetches it")
    import torch  # noqa: PLC0415 - once, to convert

    from server.models.checkpoint import save_checkpoint  # noqa: PLC0415
    from server.models.cnn import build_cnn  # noqa: PLC0415

    cnn = build_cnn(NAME, None, MODALITIES)
    try:
        state = torch.load(pulled, map_location="cpu", weights_only=True)
        body = {name.removeprefix("features."): value for name, value in state.items() if name.startswith("features.")}
        cnn.body.load_state_dict(body)
    except Exception as error:  # torch.load raises many kinds for a damaged file
        raise ModelError(f"{pulled.name} is no MobileNetV2, or is damaged ({type(error).__name__}); pull it again") from None
    save_checkpoint(converted, cnn, name=f"{NAME}, ImageNet, torchvision")
    return converted
