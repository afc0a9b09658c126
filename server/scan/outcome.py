"""The result of a scan: its status, by what was judged and what went wrong, and its images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from server.contract.errors import ImageTooLarge, MedlensError, TimedOut, UnknownKind
from server.contract.records import JudgedImage, ScanError, Severity, SkipReason, Status

# Reasons that leave a Report incomplete. The others are meant: small pictures and blank ones are nothing anybody asked for.
LOSSES: frozenset[SkipReason] = frozenset(
    ("too_many", "too_many_pixels", "too_large", "broken", "timed_out", "blocked", "unreadable")
)
REASONS: tuple[tuple[type[MedlensError], SkipReason], ...] = (
    (ImageTooLarge, "too_many_pixels"),
    (UnknownKind, "unknown_format"),
    (TimedOut, "timed_out"),
)


@dataclass(slots=True)
class Trouble:
    """What went wrong so far: the first thing of each severity about the whole, and the first image that was refused."""

    told: dict[Severity, ScanError] = field(default_factory=dict)
    refused: ScanError | None = None
    skipped: Counter[SkipReason] = field(default_factory=Counter)

    def note(self, code: str, message: str, severity: Severity = "failure") -> None:
        """Something that concerns the whole source."""
        self.told.setdefault(severity, ScanError(code, message))

    def skip(self, reason: SkipReason, detail: str = "") -> None:
        self.skipped[reason] += 1
        if reason in LOSSES or reason == "unknown_format":
            self.refused = self.refused or ScanError(_CODES.get(reason, "unreadable"), detail or _WORDS.get(reason, reason))

    def refuse(self, error: MedlensError) -> SkipReason:
        """An image that its reader or decoder refused; tells as what it was counted."""
        reason: SkipReason = next((reason for kind, reason in REASONS if isinstance(error, kind)), "broken")
        self.skipped[reason] += 1
        self.refused = self.refused or ScanError(error.code, str(error))
        return reason


@dataclass(frozen=True, slots=True)
class Outcome:
    status: Status
    error: ScanError | None
    title: str | None
    images: tuple[JudgedImage, ...]
    skipped: Counter[SkipReason]

    @property
    def found(self) -> int:
        """Every spot where an image stood, skipped ones included."""
        return sum(len(judged.image.places) for judged in self.images) + self.skipped.total()


def outcome_of(title: str | None, trouble: Trouble, images: Iterable[JudgedImage], *, single: bool = False) -> Outcome:
    """`failed` when something went wrong and nothing was judged, `partial` when something is missing, else `done`.

    The error is the gravest there is; with a remark alone the scan is done all the same.
    `single`: the source is one image, so an image that was refused is the whole source refused.
    """
    judged = tuple(images)
    failure = trouble.told.get("failure") or (trouble.refused if single and not judged else None)
    cut = trouble.told.get("cut")
    lost = any(trouble.skipped[reason] for reason in LOSSES)
    status: Status = "failed" if failure and not judged else "partial" if failure or cut or lost else "done"
    return Outcome(status, failure or cut or trouble.told.get("remark"), title, judged, trouble.skipped)


_CODES: dict[SkipReason, str] = {
    "broken": "damaged",
    "too_many_pixels": "image_too_large",
    "too_large": "too_large",
    "timed_out": "timed_out",
    "unknown_format": "unknown_kind",
    "blocked": "address_not_allowed",
}
_WORDS: dict[SkipReason, str] = {
    "broken": "the image is broken",
    "too_many_pixels": "the image has more pixels than MEDLENS_MAX_PIXELS",
    "unreadable": "the file cannot be read",
}
