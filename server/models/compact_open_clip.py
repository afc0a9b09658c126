"""The compact CLIP in the form that open_clip loads: one checkpoint, a configuration, and a name under which it is registered.

Put together from `clip.safetensors` and the CNN whose body is its image tower, in a temporary folder that lives as long as the
process. Imports torch and open_clip; serving does without.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path

from server.contract.errors import ModelError
from server.models.checkpoint import SHIPPED_CNN
from server.models.compact import (
    CONTEXT,
    SHIPPED_CLIP,
    WIDTH,
    CompactCard,
    projection_file,
    read_compact_card,
    shipped_backbone,
    small_tokenizer,
    text_config,
)

NAME = "medlens-compact"  # what open_clip calls it
TRUNK = "visual.trunk."
_SPECIALS = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


@cache
def open_clip_form(path: Path = SHIPPED_CLIP, cnn: Path = SHIPPED_CNN) -> tuple[str, Path]:
    """Register the compact CLIP with open_clip: its name there, and the checkpoint to give as `pretrained`.

    `name, checkpoint = open_clip_form()`, then `open_clip.create_model_and_transforms(name, pretrained=str(checkpoint),
    precision="fp16")` and `open_clip.get_tokenizer(name)` work. Raises WeightsMissing, or ModelError when the two do not fit.
    """
    import open_clip  # noqa: PLC0415 - several seconds of import that the command line's other uses of this module need not

    card = read_compact_card(path)
    if shipped_backbone(cnn) != card.backbone:
        raise ModelError(f"{path.name} was fitted to another backbone than {cnn.name}; `medlens train clip` fits it again")
    folder = Path(tempfile.mkdtemp(prefix="medlens-clip-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _write_text(folder / "text", card)
    shipped = (path, cnn) == (SHIPPED_CLIP, SHIPPED_CNN)
    name = NAME if shipped else f"{NAME}-{hashlib.sha256(f'{path}{cnn}'.encode()).hexdigest()[:8]}"
    (folder / f"{name}.json").write_text(json.dumps(_config(card, folder / "text")))
    open_clip.add_model_config(folder / f"{name}.json")
    checkpoint = folder / "checkpoint.safetensors"
    _assemble(path, cnn, checkpoint)
    return name, checkpoint


def _assemble(path: Path, cnn: Path, out: Path) -> None:
    import torch  # noqa: PLC0415 - as above
    from safetensors.torch import load_file, save_file  # noqa: PLC0415

    beside = projection_file(path)
    tensors = load_file(path) | (load_file(beside) if beside.is_file() else {})
    for name, value in load_file(cnn).items():
        if name.startswith("body."):
            tensors[TRUNK + name.removeprefix("body.")] = value.half()
    norms = [name.removesuffix("running_mean") for name in tensors if name.endswith("running_mean")]
    tensors |= {norm + "num_batches_tracked": torch.zeros((), dtype=torch.int64) for norm in norms}  # open_clip loads strictly
    save_file({name: value.contiguous() for name, value in tensors.items()}, out, metadata={"format": "pt"})


def _write_text(folder: Path, card: CompactCard) -> None:
    """The text tower's configuration and tokenizer, which must be files whose place open_clip's JSON names."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(text_config(card)))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CONTEXT}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | _SPECIALS))
    tokenizer = small_tokenizer(card.vocabulary)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")  # noqa: S106 - the word for nothing
    tokenizer.save(str(folder / "tokenizer.json"))


def _config(card: CompactCard, text: Path) -> dict[str, object]:
    return {
        "embed_dim": WIDTH,
        "vision_cfg": {
            "timm_model_name": "tf_efficientnet_lite0", "timm_model_pretrained": False, "timm_pool": "avg", "timm_proj": "mlp",
            "timm_proj_bias": True, "image_size": card.preprocess.side,
        },
        "text_cfg": {
            "hf_model_name": str(text), "hf_tokenizer_name": str(text), "hf_pooler_type": "mean_pooler", "hf_proj_type": "linear",
            "context_length": CONTEXT,
        },
    }  # fmt: skip
