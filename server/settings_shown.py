"""Every setting as people are shown it: its value, and where that came from. Secrets show only that they are set."""

from __future__ import annotations

import os
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr

from server.settings import PREFIX, Settings


def origin_of(name: str) -> str:
    """`environment`, `.env` or `default`: where the value of setting `name` came from."""
    variable = PREFIX + name.upper()
    if variable in {key.upper() for key in os.environ}:
        return "environment"
    if variable in {key.upper() for key in dotenv_values(".env")}:
        return ".env"
    return "default"


def shown(value: Any) -> Any:
    """A value as people write it in the environment; a secret only as "set"."""
    if isinstance(value, SecretStr):
        return "set (hidden)"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return value if value is None or isinstance(value, int | float | bool) else str(value)


def every_setting(settings: Settings) -> list[dict[str, Any]]:
    """name, value, source and description of each knob, in the order of settings.py."""
    return [
        {
            "name": PREFIX + name.upper(),
            "value": shown(getattr(settings, name)),
            "source": origin_of(name),
            "description": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]
