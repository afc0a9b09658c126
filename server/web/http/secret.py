"""Secrets that are given out once and recognised later: only their hash is ever kept."""

from __future__ import annotations

import hashlib
import secrets

# 256 random bits: no dictionary reaches them, so one round of SHA-256 without salt is enough.
SECRET_BYTES = 32


def new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def fingerprint(secret: str) -> str:
    """What a row holds instead of the secret: 64 hex digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
