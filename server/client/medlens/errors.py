"""What can go wrong between the client and the service."""

from __future__ import annotations


class ServiceError(Exception):
    """The service refused. `code` is stable (`unauthorized`, `not_found`, ...), `detail` is for people, `status` is HTTP's."""

    def __init__(self, code: str, detail: str, status: int) -> None:
        super().__init__(f"{detail} ({code})")
        self.code, self.detail, self.status = code, detail, status


class Unreachable(Exception):
    """Nothing answers at the address."""
