"""Loads pyarrow, which the extra `ray` brings, when a corpus is read or written."""

from __future__ import annotations

from typing import Any

from server.contract.extras import naming_extras


def pyarrow() -> Any:
    """The module pyarrow with its Parquet part. Raises ExtraMissing."""
    with naming_extras():
        import pyarrow as loaded  # noqa: PLC0415 - an installation without the extra has none
        import pyarrow.parquet  # noqa: PLC0415
    return loaded
