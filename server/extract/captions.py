"""Recognises the beginnings of captions, in the languages that the text model reads."""

from __future__ import annotations

import re

# "Figure 3:", "Fig. 1a", "Abb. 2", "Abbildung 4", "Figura 1.", "Ilustración 2", "Plate 3", "Bild 5".
_NUMBERED = re.compile(
    r"\s*(supplementary\s+|extended\s+data\s+)?"
    r"(fig(ure|ura|\.)?|abb(ildung|\.)?|bild|ilustraci[oó]n|imagen|plate|image|scheme|schema|photo)\s*\.?\s*[A-Z]?-?\d+",
    re.IGNORECASE,
)


def is_caption(text: str) -> bool:
    """Whether a text begins as the numbered caption of a figure does."""
    return _NUMBERED.match(text) is not None
