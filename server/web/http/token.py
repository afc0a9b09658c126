"""The API token, and the other secrets that clients keep and show again: the service stores only their hash.

The API token is MEDLENS_TOKEN, or made at the first start and kept in DATA_DIR, readable by its owner only.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from server.contract.errors import SettingsError
from server.settings import Settings

FILE_NAME = "token"
OWNER_ONLY = 0o600
# 256 random bits cannot be guessed, so one round of SHA-256 without salt is enough.
SECRET_BYTES = 32
# For MEDLENS_TOKEN; a shorter one could be guessed over a network.
LEAST_LENGTH = 16


def new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def fingerprint(secret: str) -> str:
    """The secret's SHA-256, 64 hex digits: what is stored instead of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Token:
    """`value` is read again when its file has changed, so a running server accepts a token that the command line has rotated."""

    def __init__(self, settings: Settings) -> None:
        """Reads or makes the token. Raises SettingsError when MEDLENS_TOKEN is too short or DATA_DIR cannot be written."""
        self._given = settings.token.get_secret_value() if settings.token else None
        if self._given is not None and len(self._given) < LEAST_LENGTH:
            raise SettingsError(f"MEDLENS_TOKEN is shorter than {LEAST_LENGTH} characters; leave it empty and one is made")
        self._file = settings.data_dir / FILE_NAME
        self._stamp: int | None = None
        self._kept = ""
        if self._given is None and not self._file.exists():
            _write(self._file, new_secret())

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
        """Compared in constant time. `offered` may contain lone surrogates (bytes that are not UTF-8), which no token does."""
        return hmac.compare_digest(offered.encode("utf-8", "surrogatepass"), self.value.encode())

    def rotate(self) -> str:
        """Make a new token; the old one is refused from now on. Raises SettingsError if MEDLENS_TOKEN is set."""
        if self._given is not None:
            raise SettingsError("the token is given by MEDLENS_TOKEN; change it there")
        _write(self._file, new_secret())
        self._stamp = None
        return self.value


def _write(file: Path, token: str) -> None:
    """Written atomically: a reader sees the old token or the new one, never a part of one."""
    fresh = file.with_name(f"{FILE_NAME}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with os.fdopen(descriptor, "w") as out:
            out.write(token + "\n")
        fresh.replace(file)
    except OSError as error:
        raise SettingsError(f"MEDLENS_DATA_DIR: cannot keep the token in {file.parent}: {error.strerror}") from None
