"""The API token: MEDLENS_TOKEN, or one made at first start and kept in DATA_DIR, readable by its owner alone.

It knows a folder and a setting; who may do what with the token is auth.py's.
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

from server.contract.errors import SettingsError
from server.settings import Settings

FILE_NAME = "token"
OWNER_ONLY = 0o600
# 256 bits: nobody guesses it, so an unsalted hash of it may stand in a row.
TOKEN_BYTES = 32
# A person may set one of their own; shorter ones can be guessed over a network.
LEAST_LENGTH = 16


class Token:
    """`value` as it is now: a token rotated by the command line holds at once in a running server."""

    def __init__(self, settings: Settings) -> None:
        """Reads or makes the token. Raises SettingsError when MEDLENS_TOKEN is too short or DATA_DIR cannot be written."""
        self._given = settings.token.get_secret_value() if settings.token else None
        if self._given is not None and len(self._given) < LEAST_LENGTH:
            raise SettingsError(f"MEDLENS_TOKEN is shorter than {LEAST_LENGTH} characters; leave it empty and one is made")
        self._file = settings.data_dir / FILE_NAME
        self._stamp: int | None = None
        self._kept = ""
        if self._given is None and not self._file.exists():
            _write(self._file, secrets.token_urlsafe(TOKEN_BYTES))

    @property
    def value(self) -> str:
        if self._given is not None:
            return self._given
        stamp = self._file.stat().st_mtime_ns
        if stamp != self._stamp:
            if self._file.stat().st_mode & 0o077:
                self._file.chmod(OWNER_ONLY)
            self._kept, self._stamp = self._file.read_text().strip(), stamp
        if len(self._kept) < LEAST_LENGTH:
            raise SettingsError(f"{self._file} holds no token; `medlens token --rotate` makes a new one")
        return self._kept

    def matches(self, offered: str) -> bool:
        """Compared in constant time. `offered` may hold what is no UTF-8 (a lone surrogate for each byte), which no token has."""
        return hmac.compare_digest(offered.encode("utf-8", "surrogatepass"), self.value.encode())

    def rotate(self) -> str:
        """Make a new one; the old one is refused from now on. Raises SettingsError when MEDLENS_TOKEN decides."""
        if self._given is not None:
            raise SettingsError("the token is given by MEDLENS_TOKEN; change it there")
        _write(self._file, secrets.token_urlsafe(TOKEN_BYTES))
        self._stamp = None
        return self.value


def _write(file: Path, token: str) -> None:
    """In one step: a reader sees the old token or the new one, never half of one."""
    fresh = file.with_name(f"{FILE_NAME}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "w") as out:
            out.write(token + "\n")
        fresh.replace(file)
    except OSError as error:
        raise SettingsError(f"MEDLENS_DATA_DIR: cannot keep the token in {file.parent}: {error.strerror}") from None
