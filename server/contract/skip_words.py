"""Why images were skipped, in words that follow a number: "3 too small". The terminal and the dashboard show the same."""

from __future__ import annotations

from collections.abc import Mapping

from server.contract.records import SkipReason

SKIP_WORDS: Mapping[SkipReason, str] = {
    "too_small": "too small",
    "too_many": "over the limit of images",
    "too_many_pixels": "too many pixels",
    "too_large": "too many bytes",
    "broken": "broken",
    "unknown_format": "of an unknown format",
    "timed_out": "did not arrive in time",
    "blocked": "blocked",
    "unreadable": "unreadable",
    "blank": "blank",
    "off_page": "outside the page",
    "no_image": "without an image inside",
    "video": "video, which is not read",
    "not_shown": "named but not shown",
    "not_archived": "not in the web archive",
}
