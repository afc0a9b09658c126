"""`medlens train ensemble --feedback`: refits the ensemble from corrections, and uses the refit if it is better."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from server.contract.errors import ModelError, RequestError
from server.contract.modalities import MODALITIES
from server.models.ensemble import read_ensemble
from server.models.ensembles import SHIPPED, SHIPPED_FILE, choose, in_use, keep, known_versions, note_versions, refits
from server.models.members import kinds
from server.models.version import ensemble_in_use, members_key, model_version
from server.settings import Settings
from server.store import labelled
from server.store.database import Database
from server.training.ensemble.refit import Corrected, Result, refit, written
from server.training.ensemble.validation import read_validation

SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "ece", "accuracy_when_sure", "abstained", "log_loss")


async def refit_from_corrections(settings: Settings) -> str:
    """Refit, print the figures, and put the refit in use; returns its name. Raises RequestError when it is refused."""
    chosen = kinds(settings)
    key, version = members_key(settings, chosen), model_version(settings, chosen)
    versions = {old for old, its_key in known_versions(settings.data_dir).items() if its_key == key} | {version}
    async with Database(settings) as database:
        await database.migrate()
        labels = await labelled.labelled_predictions(database, versions)
        in_all = len(await labelled.data_set(database))
    names = sorted(kind.name for kind in chosen)
    labels = [one for one in labels if sorted(one.members) == names]
    print(f"{len(labels)} of {in_all} corrected images were judged by {', '.join(names)} as they are now")
    _refuse_known_corrections(settings, key, labels)
    corrected = Corrected(
        {name: np.asarray([one.members[name] for one in labels], np.float32).reshape(-1, len(MODALITIES)) for name in names},
        np.asarray([MODALITIES.index(one.label) for one in labels], np.int64),
    )
    in_force = read_ensemble(ensemble_in_use(settings, chosen))
    result = refit(read_validation(), corrected, read_ensemble(SHIPPED_FILE), in_force)
    _show(result)
    if result.refusal:
        raise RequestError(f"not used: {result.refusal}; {in_use(settings.data_dir)} stays in use")
    now = datetime.now(UTC)
    name = f"feedback-{now:%Y%m%d-%H%M%S}"
    keep(settings.data_dir, name, _content(result, key, version, now, labels))
    choose(settings.data_dir, name)
    note_versions(settings.data_dir, {version: key, model_version(settings, chosen): key})
    return name


def _refuse_known_corrections(settings: Settings, key: str, labels: list[labelled.LabelledPrediction]) -> None:
    current = next((one for one in refits(settings.data_dir, key) if one.in_use and one.fits), None)
    if current is not None and current.content.get("feedback", {}).get("learned") == _learned(labels):
        raise RequestError(f"{current.name} has learned from all of these corrections already; correct more images first")


def _learned(labels: list[labelled.LabelledPrediction]) -> dict[str, Any]:
    """The corrections that a refit learned from: their number by modality, and a hash of them."""
    exact = hashlib.sha256("".join(sorted(f"{one.sha256}{one.label}" for one in labels)).encode()).hexdigest()
    return {"n": len(labels), "labels": dict(sorted(Counter(one.label for one in labels).items())), "sha256": exact}


def _content(result: Result, key: str, version: str, now: datetime, labels: list[labelled.LabelledPrediction]) -> dict[str, Any]:
    """The content of the refit's file: the shipped ensemble with one stack replaced, and where that comes from."""
    content: dict[str, Any] = json.loads(SHIPPED_FILE.read_bytes())
    if not any(frozenset(one["members"]) == frozenset(result.stack.members) for one in content["stacks"]):
        raise ModelError(f"the shipped ensemble was not fitted for {', '.join(result.stack.members)}")
    stacks = [
        written(result.stack) if frozenset(one["members"]) == frozenset(result.stack.members) else one for one in content["stacks"]
    ]
    figures = {name: {part: getattr(result, name)[part] for part in getattr(result, name)} for name in ("before", "after")}
    about = {
        "learned": _learned(labels),
        "strength": result.strength,
        "replaces": version,
        "corrections": {"before": result.corrections_before, "after": result.corrections_after},
        **figures,
    }
    return content | {"stacks": stacks, "members_key": key, "created": now.isoformat(timespec="seconds"), "feedback": about}


def _show(result: Result) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for heading in ("", "before", "after"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name in SHOWN:
        table.add_row(name.replace("_", " "), *(f"{(block[name] or 0):.4f}" for block in (result.before, result.after)))
    for name in ("accuracy", "log_loss"):
        blocks = (result.corrections_before, result.corrections_after)
        table.add_row(f"corrections, {name.replace('_', ' ')}", *(f"{block[name]:.4f}" for block in blocks))
    Console().print(table)
    held_out = f"corrections were judged by fits that had not learned from them; before: the {SHIPPED} ensemble"
    print(f"validation: {result.before['n']} shipped predictions of images that no member was trained on; {held_out}")
