"""Every phantom and its label: training data of the CNN's head beside the labelled images.

Origins of some kinds are few; a drawn image of the kind stands in where no other shows it. The kinds were chosen from what the
folds missed and from what radiology's textbooks list; none was drawn after an image of the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from server.contract.modalities import NON_MEDICAL
from server.training.drawn import phantom_cells as cells
from server.training.drawn import phantom_consoles as consoles
from server.training.drawn import phantom_joints as joints
from server.training.drawn import phantom_lights as lights
from server.training.drawn import phantom_shadows as shadows
from server.training.drawn import phantom_slices as slices
from server.training.drawn import phantom_views as views
from server.training.drawn import synthetic, synthetic_confusers

Draw = Callable[[np.random.Generator], Image.Image]

LEFT_OUT = ("mask", "matrix", "spectrogram", "fractal")  # drawn negatives without which the head did better on every figure

_SCANS: dict[str, tuple[Draw, ...]] = {
    "xray": (views.angiogram, views.mammogram, shadows.limb, shadows.hand, shadows.chest, shadows.skull, shadows.hips),
    "ct": (slices.head_ct, slices.limbs_ct, slices.pelvis_ct, slices.spine_ct, slices.trunk_ct, joints.hip_ct),
    "mri": (slices.head_mr, slices.spine_mr, slices.trunk_mr, joints.knee_mr, joints.breast_mr),
    "ultrasound": (lights.sonogram,),
    "other_medical": (
        views.retina_section, views.wound, cells.nuclei, cells.membranes, cells.neurons, cells.smear, cells.phase_contrast,
        cells.dish, lights.eye_ground, lights.endoscopy, lights.lesion, lights.tissue, lights.scintigram,
    ),
}  # fmt: skip
_PLAIN = {name: draw for name, (_, draw) in synthetic.DRAWN.items() if name not in LEFT_OUT}
_OTHERS = _PLAIN | synthetic_confusers.DRAWN

# Name -> (label, how it is drawn).
PHANTOMS: Mapping[str, tuple[str, Draw]] = {
    **{draw.__name__: (label, draw) for label, drawn in _SCANS.items() for draw in drawn},
    **{name: (str(NON_MEDICAL), draw) for name, draw in sorted(_OTHERS.items())},
    "console": ("ultrasound", consoles.console),  # last: an image is drawn from its number, and the others keep theirs
}


def labels(each: int) -> list[str]:
    """[len(PHANTOMS) * each] labels in the order of `phantom`."""
    return [label for label, _ in PHANTOMS.values() for _ in range(each)]


def phantoms_sha256(each: int) -> str:
    """Changes when a phantom would look otherwise: the hash of a small copy of the first of each kind."""
    digest = hashlib.sha256(f"{each}".encode())
    for at, name in enumerate(PHANTOMS):
        image, label = phantom(at * each, each, np.random.default_rng(at))
        digest.update(f"{name} {label}".encode() + image.resize((16, 16)).tobytes())
    return digest.hexdigest()


def phantom(number: int, each: int, rng: np.random.Generator) -> tuple[Image.Image, str]:
    """The image of this number, `each` of a kind, drawn from `rng`, and its label."""
    label, draw = list(PHANTOMS.values())[number // each]
    return draw(rng), label
