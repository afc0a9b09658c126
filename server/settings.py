"""Every setting, once: its name, default, unit and reason; where its value came from, and how it is displayed.

Values come from the environment or `.env`, with the prefix MEDLENS_; an unknown name is an error. A part of the program takes what
it needs from the Settings object that it is given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from server.contract.errors import SettingsError

PREFIX = "MEDLENS_"
# Names of settings in earlier versions, which still work; the new one is named for all that it bounds.
OLD_NAMES = {"reader_memory_mb": "pdf_memory_mb", "reader_timeout_s": "pdf_timeout_s"}
MIB = 1024 * 1024
Network = IPv4Network | IPv6Network


def _names(name: str) -> AliasChoices:
    """The environment variables that set `name`: its own, then its old one."""
    return AliasChoices(PREFIX + name.upper(), PREFIX + OLD_NAMES[name].upper())


def default_data_dir() -> Path:
    """The user's data folder; /var/lib for root, whose home is closed to the user that the embedded Postgres must run as."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/medlens")
    return Path(platformdirs.user_data_dir("medlens", appauthor=False))


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, populate_by_name=True)

    # the service
    database_url: SecretStr | None = Field(None, description="a shared Postgres; empty: the embedded one under DATA_DIR")
    data_dir: Path = Field(default_factory=default_data_dir, description="embedded database, token, fetched models")
    host: str = Field("127.0.0.1", description="address to listen on; any other than loopback opens medlens to the network")
    port: int = Field(8765, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1", "localhost", "[::1]"), description="Host headers answered, comma separated (against DNS rebinding)"
    )
    token: SecretStr | None = Field(None, description="API token; empty: made at first start and kept in DATA_DIR")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="lowest level that is logged: debug, info, warning, error"
    )
    log_format: Literal["console", "json"] = Field("console", description="format of log lines: console or json")

    # what may be reached, and for how long
    chromium: Path | None = Field(None, description="browser to render with; empty: an installed one is found")
    allow_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="private networks that may be reached (CIDR, comma separated)"
    )
    robots: Literal["off", "warn", "obey"] = Field(
        "off", description="robots.txt: off (a person asked for one page), warn (scan, with a remark in the Report) or obey"
    )
    host_delay_s: float = Field(0.0, ge=0, description="seconds between two scans of the same host, over all workers")
    page_timeout_s: float = Field(45.0, gt=0, description="seconds a page may take to render and scroll")
    # the limit of the origin of this project
    image_timeout_s: float = Field(6.0, gt=0, description="seconds that one image may take to load, and to decode")
    max_download_bytes: int = Field(100 * MIB, gt=0, description="bytes of one download or upload at most")
    reader_memory_mb: int = Field(
        1024,
        ge=640,
        validation_alias=_names("reader_memory_mb"),
        description="memory, in MiB, of the process that reads one PDF, DICOM or image file; PyMuPDF needs more than 512 "
        "(old name: MEDLENS_PDF_MEMORY_MB)",
    )
    reader_timeout_s: float = Field(
        60.0,
        gt=0,
        validation_alias=_names("reader_timeout_s"),
        description="seconds that reading one PDF, DICOM or image file may take (old name: MEDLENS_PDF_TIMEOUT_S)",
    )

    # what is judged
    # 200, as in the origin of this project, hid thumbnails of scans
    min_image_side: int = Field(64, ge=1, description="pixels; an image with a smaller side is taken for an icon and skipped")
    max_images: int = Field(500, ge=1, description="images judged in one scan")
    max_pixels: int = Field(50_000_000, ge=1, description="pixels of one image, as its header says, checked before decoding")

    # how it is judged
    members: Annotated[tuple[str, ...], NoDecode] = Field(
        ("cnn", "clip", "kmeans"), description="ensemble members that vote, comma separated: cnn, clip, kmeans"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the model runs: auto, cpu, cuda, mps")
    precision: Literal["auto", "f32", "bf16"] = Field(
        "f32", description="arithmetic of the networks on a CPU: f32, bf16, or auto (bf16 where the CPU has AMX tiles of it)"
    )
    batch_size: int = Field(16, ge=1, description="images in one forward pass at most")
    batch_wait_ms: float = Field(8.0, ge=0, description="milliseconds that the first image of a batch waits for others")
    cnn_arch: Literal["efficientnet_lite0", "mobilenet_v2", "vgg16"] = Field(
        "efficientnet_lite0", description="network of the member cnn: efficientnet_lite0, mobilenet_v2, vgg16"
    )
    clip_model: str = Field("medlens-compact", description="open_clip model name; the default ships with medlens")
    clip_pretrained: str = Field("shipped", description="open_clip pretrained tag for CLIP_MODEL")
    prompts: Path | None = Field(None, description="TOML file of your own prompts; empty: the shipped ones")
    thresholds: Path | None = Field(None, description="JSON file of your own thresholds; empty: the shipped ones")
    context: Literal["on", "off"] = Field(
        "on", description="what the page or document says with an image (caption, heading, file name) counts beside it: on or off"
    )

    # how it runs
    scans_at_once: int = Field(3, ge=1, description="scans that one worker runs at the same time")
    keep_thumbnails: bool = Field(True, description="keep a small re-encoded copy of each image for the dashboard")
    blur_thumbnails: bool = Field(False, description="blur medical images in the dashboard until they are pointed at")
    retention_days: int = Field(
        0, ge=0, description="days a scan is kept that is neither tagged, noted nor in a collection; 0 keeps it"
    )

    @field_validator("hosts", "members", mode="before")
    @classmethod
    def _commas(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("allow_networks", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())
        return value


def load_settings(**overrides: Any) -> Settings:
    """Read environment and `.env`. Raises SettingsError: one line that names the setting and what is wrong with it."""
    given = set(_variables(os.environ)) | set(_variables(dotenv_values(".env")))
    known = {PREFIX + name.upper() for name in (*Settings.model_fields, *OLD_NAMES.values())}
    if unknown := sorted(given - known):
        raise SettingsError(f"unknown setting {', '.join(unknown)}; `medlens config` lists the known ones")
    for name, old in OLD_NAMES.items():
        both = {PREFIX + name.upper(), PREFIX + old.upper()}
        if both <= given:
            raise SettingsError(f"{' and '.join(sorted(both))} are the same setting; set one of them")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).lower().removeprefix(PREFIX.lower())
        if name in OLD_NAMES and PREFIX + OLD_NAMES[name].upper() in given:
            name = OLD_NAMES[name]
        raise SettingsError(f"{PREFIX}{name.upper()}: {first['msg']} (given: {first['input']!r})") from None


def _variables(given: Mapping[str, str | None]) -> Iterator[str]:
    """The names in `given` that have our prefix, in capitals."""
    return (name.upper() for name in given if name.upper().startswith(PREFIX))


def origin_of(name: str) -> str:
    """`environment`, `.env` or `default`: where the value of setting `name` came from."""
    variables = {PREFIX + name.upper(), PREFIX + OLD_NAMES.get(name, name).upper()}
    if variables & set(_variables(os.environ)):
        return "environment"
    if variables & set(_variables(dotenv_values(".env"))):
        return ".env"
    return "default"


def display_value(value: Any) -> Any:
    """A value as it is written in the environment; a secret only as "set"."""
    if isinstance(value, SecretStr):
        return "set (hidden)"
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return value if value is None or isinstance(value, int | float | bool) else str(value)


def every_setting(settings: Settings) -> list[dict[str, Any]]:
    """name, value, source and description of each setting, in the order of this file."""
    return [
        {
            "name": PREFIX + name.upper(),
            "value": display_value(getattr(settings, name)),
            "source": origin_of(name),
            "description": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]
