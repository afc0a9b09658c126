"""Groups of image kinds to hold out whole, to measure a model on kinds it was not trained on.

The manifest's `kind` is as fine as the origins' own names; here kinds that look alike form one group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from server.contract.modalities import NON_MEDICAL
from server.training.data.dataset import Row
from server.training.data.folds import unit_of

LEAST = 5  # images: of fewer nothing can be said

# Label -> group -> words of which one stands in the kind.
WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ct": {"head": ("head",), "abdomen": ("abdomen",), "chest": ("chest",), "bones": ("spine", "hip", "knee")},
    "mri": {
        "brain": ("brain", "head"), "knee": ("knee",), "heart": ("heart",), "pelvis": ("prostate", "pelvis"), "breast": ("breast",),
        "abdomen": ("abdomen",), "spine": ("spine",),
    },
    "xray": {
        "chest": ("chest",), "breast": ("breast",), "dental": ("dental",), "angiography": ("angio",), "knee": ("knee",),
        "hands and bones": ("bone", "hand"),
    },
    "ultrasound": {
        "breast": ("breast",), "lung": ("lung",), "heart": ("heart",), "ovary": ("ovary",), "liver and muscle": ("liver", "muscle"),
        "phantoms and consoles": ("phantom", "console", "eye", "bone"),
    },
    "other_medical": {
        name: (name,)
        for name in ("clinical_photo", "dermoscopy", "endoscopy", "fluorescence", "fundus", "nuclear", "oct", "wound_photo")
    },
    NON_MEDICAL: {name: (name,) for name in ("art", "chart", "diagram", "document", "logo_icon", "screenshot", "photo_gray")},
}  # fmt: skip
SMEARS = ("wbc", "bccd", "smear", "malaria", "rbc", "blood", "chula", "pap", "cyto", "sipakmed", "herlev")  # in an origin's name
SKY = ("astronomy", "messier", "galax", "hubble")
CONFUSERS = ("medical_context", "science_confuser")
CONFUSER_GROUPS = 4  # of whole origins: they show too many things for groups by kind


def kinds_apart(rows: Sequence[Row]) -> dict[str, NDArray[np.bool_]]:
    """Group -> [n] which rows are of it. A row may be of two groups, or of none."""
    labels, kinds = np.array([row.label for row in rows]), [row.kind.lower() for row in rows]
    origins, units = [row.origin.lower() for row in rows], np.array([unit_of(row.origin) for row in rows])

    def said(texts: Sequence[str], words: Sequence[str]) -> NDArray[np.bool_]:
        return np.array([any(word in text for word in words) for text in texts])

    groups = {
        f"{label}/{name}": (labels == label) & said(kinds, words) for label, some in WORDS.items() for name, words in some.items()
    }
    stained = (labels == "other_medical") & said(kinds, ("histopathology",))
    smears = stained & said(origins, SMEARS)
    groups |= {"other_medical/smears": smears, "other_medical/stained tissue": stained & ~smears}
    other, sky = labels == NON_MEDICAL, said(origins, SKY)
    confusers = other & said(kinds, CONFUSERS)
    masks, textbooks = confusers & said(origins, ("mask",)), confusers & said(origins, ("openstax",)) & ~sky
    groups |= {
        "non_medical/masks": masks,
        "non_medical/drawings of anatomy": textbooks,
        "non_medical/sky": other & sky,
    }
    rest = confusers & ~masks & ~textbooks & ~sky
    names = sorted(set(units[rest]))
    for number in range(CONFUSER_GROUPS):
        groups[f"non_medical/confusers {number}"] = rest & np.isin(units, names[number::CONFUSER_GROUPS])
    return {name: chosen for name, chosen in groups.items() if chosen.sum() >= LEAST}
