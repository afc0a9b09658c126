"""The outcome of a scan: its status, error, title, images and skips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from server.contract.errors import ImageTooLarge, MedlensError, TimedOut, UnknownKind
from server.contract.records import JudgedImage, ScanError, Severity, SkipReason, Status
from server.contract.skip_words import SKIP_WORDS

# Reasons that leave a Report incomplete. Small, blank and unknown images are left out on purpose.
LOSSES: frozenset[SkipReason] = frozenset(
    ("too_many", "too_many_pixels", "too_large", "broken", "timed_out", "blocked", "unreadable", "video")
)
REASONS: tuple[tuple[type[MedlensError], SkipReason], ...] = (
    (ImageTooLarge, "too_many_pixels"),
    (UnknownKind, "unknown_format"),
    (TimedOut, "timed_out"),
)


# Broken images up to this share of those found are a notice and leave the scan `done`: on most pages some icon does not load.
FOOTNOTE_SHARE = 0.05
# Notices that a Report lists one by one, such as the names of files that were not read; further ones are only counted.
MAX_NOTICES = 100
# The code of the notice that counts those beyond.
MORE = "more"


@dataclass(slots=True)
class Problems:
    """The problems of a scan so far: those of the source, the first of each severity, the first refused image, skips by reason."""

    by_severity: dict[Severity, ScanError] = field(default_factory=dict)
    notices: list[ScanError] = field(default_factory=list)
    beyond: Counter[str] = field(default_factory=Counter)
    refused: ScanError | None = None
    skipped: Counter[SkipReason] = field(default_factory=Counter)

    def add(self, code: str, message: str, severity: Severity = "failure") -> None:
        """Add a problem of the source as a whole."""
        self.by_severity.setdefault(severity, ScanError(code, message))
        if len(self.notices) < MAX_NOTICES:
            self.notices.append(ScanError(code, message))
        else:
            self.beyond[code] += 1

    def listed(self) -> tuple[ScanError, ...]:
        """The notices of the Report: MAX_NOTICES one by one, and one that counts those beyond."""
        if not self.beyond:
            return tuple(self.notices)
        counts = ", ".join(f"{number} {code}" for code, number in self.beyond.most_common())
        return (*self.notices, ScanError(MORE, f"and {self.beyond.total()} more: {counts}"))

    def skip(self, reason: SkipReason, detail: str = "") -> None:
        self.skipped[reason] += 1
        if reason in LOSSES or reason in ("unknown_format", "no_image"):
            self.refused = self.refused or ScanError(_CODES.get(reason, "unreadable"), detail or _MESSAGES.get(reason, reason))

    def refuse(self, error: MedlensError) -> SkipReason:
        """Count an image that its reader or decoder refused; returns the reason it is counted under."""
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
    notices: tuple[ScanError, ...] = ()

    @property
    def found(self) -> int:
        """The number of places of all images that were found, skipped ones included."""
        return _found(self.images, self.skipped)


def outcome_of(title: str | None, problems: Problems, images: Iterable[JudgedImage], *, single: bool = False) -> Outcome:
    """The status is `failed` if there was a failure and nothing was judged, `partial` if something is missing, else `done`.

    The error is the most severe problem, or says how many images were not read and why. A remark alone leaves the scan `done`, as
    do a few broken images among many (FOOTNOTE_SHARE). `single`: the source is one image, so that a refused image is a failure of
    the source.
    """
    judged = tuple(images)
    failure = problems.by_severity.get("failure") or (problems.refused if single and not judged else None)
    cut = problems.by_severity.get("cut")
    lost = Counter({reason: number for reason, number in problems.skipped.items() if reason in LOSSES and number})
    found = _found(judged, problems.skipped)
    footnote = set(lost) == {"broken"} and lost["broken"] <= FOOTNOTE_SHARE * found
    losses = ScanError(problems.refused.code if problems.refused else "damaged", _lost_words(lost, found)) if lost else None
    status: Status = "failed" if failure and not judged else "partial" if failure or cut or (lost and not footnote) else "done"
    error = failure or cut or (None if footnote else losses) or problems.by_severity.get("remark")
    notices = (*problems.listed(), *([losses] if losses and judged else []))
    return Outcome(status, error, title, judged, problems.skipped, notices)


def _found(images: Iterable[JudgedImage], skipped: Counter[SkipReason]) -> int:
    return sum(len(judged.image.places) for judged in images) + skipped.total()


def _lost_words(lost: Counter[SkipReason], found: int) -> str:
    """A sentence such as "3 of 63 images were not read: 2 broken, 1 blocked"."""
    number = lost.total()
    images, were = "image" if found == 1 else "images", "was" if number == 1 else "were"
    reasons = ", ".join(f"{n} {SKIP_WORDS[reason]}" for reason, n in lost.most_common())
    return f"{number} of {found} {images} {were} not read: {reasons}"


_CODES: dict[SkipReason, str] = {
    "broken": "damaged",
    "too_many_pixels": "image_too_large",
    "too_large": "too_large",
    "timed_out": "timed_out",
    "unknown_format": "unknown_kind",
    "video": "unknown_kind",
    "blocked": "address_not_allowed",
}
_MESSAGES: dict[SkipReason, str] = {
    "broken": "the image is broken",
    "too_many_pixels": "the image has more pixels than MEDLENS_MAX_PIXELS",
    "unreadable": "the file cannot be read",
}
