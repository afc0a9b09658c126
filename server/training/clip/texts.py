"""The texts on which the small text tower is trained to give its teacher's vectors.

ImageNet-21k's nouns and definitions (timm carries them), the teacher's most common words, body parts crossed with modalities and
findings, and the captions. Prompts of server/models/prompts and of the retrieval check are held out.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from server.training.data.captions import captions_for, teacher_folder
from server.training.data.dataset import Row

SEED = 20251122
COMMON = 10_000  # the teacher's ids are in order of frequency; words beyond are kept only when a text here uses them
SCANS = 14_000  # texts of body part x modality x finding drawn
PAIRS = 12_000  # texts of two things drawn
HELD_BACK = 0.03  # share of nouns that no training text contains, for the fidelity figure
WORD = re.compile(r"[a-z]{3,}")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def _own() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("texts.toml").read_text(encoding="utf-8"))


def nouns() -> dict[str, str]:
    """ImageNet-21k's 21,843 nouns (commas part the synonyms) and their definitions."""
    import timm.data  # noqa: PLC0415 - a second of import

    folder = Path(timm.data.__file__).parent / "_info"
    lemmas, definitions = (
        dict(line.split("\t", 1) for line in (folder / f"imagenet_synset_to_{what}.txt").read_text(encoding="utf-8").splitlines())
        for what in ("lemma", "definition")
    )
    return {lemma: definitions[synset] for synset, lemma in lemmas.items()}


def caption_texts(rows: Iterable[Row]) -> list[str]:
    """Every caption of every row, once, sorted."""
    made: set[str] = set()
    for row in rows:
        made.update(captions_for({key: str(value) for key, value in asdict(row).items()}))
    return sorted(made)


def corpus(captions: Sequence[str], leave_out: Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """(training texts, held-out texts whose nouns are in no training text). Deterministic; about 110,000 and 1,900."""
    rng, own = random.Random(SEED), _own()  # noqa: S311 - the same texts each time, no secret
    known = nouns()
    lemmas = sorted(known)
    rng.shuffle(lemmas)
    cut = round(len(lemmas) * HELD_BACK)
    held, kept = lemmas[:cut], lemmas[cut:]
    names = [name.strip() for lemma in kept for name in lemma.split(",")]
    common = [word for word in vocabulary_words()[:COMMON] if WORD.fullmatch(word)]

    def about(thing: str) -> str:
        return str(rng.choice(own["thing_templates"])).format(t=thing, u=rng.choice(names), f=rng.choice(own["forms"]))

    texts = [*captions, *names, *(known[lemma] for lemma in kept), *map(about, names), *map(about, common)]
    texts += [about(rng.choice(names)) for _ in range(PAIRS)]
    texts += [
        str(rng.choice(own["scan_templates"])).format(
            m=rng.choice(own["modalities"]), p=rng.choice(own["parts"]), c=rng.choice(own["conditions"])
        )
        for _ in range(SCANS)
    ]
    unseen = [name.strip() for lemma in held for name in lemma.split(",")[:1]]
    unseen += [str(rng.choice(own["thing_templates"])).format(t=name, u="dog", f=rng.choice(own["forms"])) for name in unseen]
    unseen += [known[lemma] for lemma in held]
    without = {text.lower() for text in (*leave_out, *unseen)}
    texts = [text for text in dict.fromkeys(texts) if text.lower() not in without]
    rng.shuffle(texts)
    return texts, list(dict.fromkeys(unseen))


def vocabulary_words() -> list[str]:
    """The teacher's WordPiece vocabulary in the order of its ids."""
    return teacher_folder().joinpath("vocab.txt").read_text(encoding="utf-8").split("\n")[:-1]


def small_vocabulary(texts: Sequence[str]) -> list[int]:
    """The teacher's ids that the small tower keeps, ascending: what `texts` use, common words, single characters, specials."""
    tokenizer = Tokenizer.from_file(str(teacher_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    words = vocabulary_words()
    kept = {words.index(token) for token in SPECIAL}
    for encoded in tokenizer.encode_batch(list(texts)):
        kept.update(encoded.ids)
    kept.update(i for i, word in enumerate(words[:COMMON]) if word.isascii() and not word.startswith("[unused"))
    kept.update(i for i, word in enumerate(words) if len(word.removeprefix("##")) == 1 and word.isascii())
    return sorted(kept)
