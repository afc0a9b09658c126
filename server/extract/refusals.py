"""The refusals of the egress proxy, as a protocol for the extractor of pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

# Header of the proxy's own responses, with the code of the error; a site's own 403 does not have it.
REFUSED_HEADER = "x-medlens-refused"


class Refusal(Protocol):
    """One request that the proxy refused: its host, the code of the error (server/contract/errors.py), and a message for people."""

    @property
    def host(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def message(self) -> str: ...


Refusals = Callable[[], Sequence[Refusal]]
