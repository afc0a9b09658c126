"""The model in use, for people: version, members, ensemble, and its measured quality. Read from files, without loading a model.

The modules of server/models are imported when they are needed: they import numpy, which nothing else in the web process needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from server.contract.errors import MedlensError
from server.settings import Settings


@dataclass(frozen=True, slots=True)
class Refitted:
    name: str
    judges: bool
    fits: bool
    corrections: int
    before: float
    after: float
    created: str


@dataclass(frozen=True, slots=True)
class Judging:
    """`version` None: `problem` says why no image can be judged. `figures`: measured for these members, on held-out origins."""

    version: str | None
    problem: str
    members: Sequence[str]
    ensemble: str
    created: str
    figures: Mapping[str, Any]
    refits: Sequence[Refitted]


def judging(settings: Settings) -> Judging:
    """Blocks while weights are hashed for the first time: a second at most."""
    ensembles, members = import_module("server.models.ensembles"), import_module("server.models.members")
    version = import_module("server.models.version")
    try:
        kinds = members.kinds(settings)
        key = version.members_key(settings, kinds)
        file = ensembles.ensemble_file(settings.data_dir, key)
        content = json.loads(file.read_bytes()) if file.is_file() else {}
        kept = ensembles.refits(settings.data_dir, key)
        name = ensembles.SHIPPED if file == ensembles.SHIPPED_FILE else file.stem
        figures = content.get("figures", {}).get("after", {}).get("+".join(sorted(settings.members)), {})
        if name != ensembles.SHIPPED:
            figures = content.get("feedback", {}).get("after", {})
        return Judging(
            version=version.model_version(settings, kinds),
            problem="",
            members=settings.members,
            ensemble=name,
            created=str(content.get("created", "")),
            figures=figures,
            refits=[_refitted(one, name) for one in kept],
        )
    except (MedlensError, ValueError) as error:
        return Judging(None, str(error), settings.members, "", "", {}, ())


def _refitted(one: Any, name: str) -> Refitted:
    feedback = one.content.get("feedback", {})
    before, after = (float(feedback.get(when, {}).get("accuracy", 0)) for when in ("before", "after"))
    learned = int(feedback.get("learned", {}).get("n", 0))
    return Refitted(one.name, one.name == name, one.fits, learned, before, after, str(one.content.get("created", "")))
