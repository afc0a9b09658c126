"""Secrets that clients keep and show again; the service stores only their hash."""

from __future__ import annotations

import hashlib
import secrets

# 256 random bits cannot be guessed, so one round of SHA-256 without salt is enough.
SECRET_BYTES = 32


def new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def fingerprint(secret: str) -> str:
    """The secret's SHA-256, 64 hex digits: what is stored instead of it."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
