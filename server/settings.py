"""Every knob, once: its name, default, unit and reason. Environment or `.env`, prefix MEDLENS_; an unknown name is an error.

This module knows no other part of the program; parts take the values they need from the Settings given to create_app.
"""

from __future__ import annotations

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from server.contract.errors import SettingsError

PREFIX = "MEDLENS_"
MIB = 1024 * 1024
Network = IPv4Network | IPv6Network


def default_data_dir() -> Path:
    """Where the embedded database lives. Root's home is closed to the user that Postgres must run as, so root gets /var/lib."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/medlens")
    return Path(platformdirs.user_data_dir("medlens", appauthor=False))


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    # the service
    database_url: SecretStr | None = Field(None, description="a shared Postgres; empty: the embedded one under DATA_DIR")
    data_dir: Path = Field(default_factory=default_data_dir, description="embedded database, token, fetched models")
    host: str = Field("127.0.0.1", description="address to listen on; loopback unless you mean it")
    port: int = Field(8765, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("127.0.0.1", "localhost", "[::1]"), description="Host headers answered, comma separated (against DNS rebinding)"
    )
    token: SecretStr | None = Field(None, description="API token; empty: made at first start and kept in DATA_DIR")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least level that is logged: debug, info, warning, error"
    )
    log_format: Literal["console", "json"] = Field("console", description="how log lines look: console or json")

    # what may be reached, and for how long
    chromium: Path | None = Field(None, description="browser to render with; empty: an installed one is found")
    allow_networks: Annotated[tuple[Network, ...], NoDecode] = Field(
        (), description="networks that the guard lets through although private (CIDR, comma separated)"
    )
    robots: Literal["off", "warn", "obey"] = Field(
        "off", description="robots.txt: off (a person asked for one page), warn (scans, and says so) or obey"
    )
    host_delay_s: float = Field(0.0, ge=0, description="seconds between two scans of the same host")
    page_timeout_s: float = Field(45.0, gt=0, description="seconds a page may take to render and scroll")
    image_timeout_s: float = Field(6.0, gt=0, description="seconds one image may take (the origin's own limit)")
    max_download_bytes: int = Field(100 * MIB, gt=0, description="bytes of one download or upload")
    pdf_memory_mb: int = Field(1024, ge=640, description="memory of the PDF reader; PyMuPDF cannot even load in 512")
    pdf_timeout_s: float = Field(60.0, gt=0, description="seconds the reader of one PDF may take")

    # what is looked at
    min_image_side: int = Field(64, ge=1, description="pixels; smaller are icons (the origin's 200 hid thumbnails of scans)")
    max_images: int = Field(500, ge=1, description="images judged in one scan")
    max_pixels: int = Field(50_000_000, ge=1, description="pixels of one image, told by its header before decoding")

    # how it is judged
    members: Annotated[tuple[str, ...], NoDecode] = Field(
        ("cnn", "clip", "kmeans"), description="ensemble members that vote, comma separated: cnn, clip, kmeans"
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the model runs: auto, cpu, cuda, mps")
    batch_size: int = Field(16, ge=1, description="images in one forward pass at most")
    batch_wait_ms: float = Field(8.0, ge=0, description="how long the first image of a batch waits for company")
    cnn_arch: Literal["efficientnet_lite0", "mobilenet_v2", "vgg16"] = Field(
        "efficientnet_lite0", description="the member cnn: efficientnet_lite0, mobilenet_v2, vgg16"
    )
    clip_model: str = Field("medlens-compact", description="open_clip model name; the default ships with medlens")
    clip_pretrained: str = Field("shipped", description="open_clip pretrained tag for CLIP_MODEL")
    prompts: Path | None = Field(None, description="TOML file of your own prompts; empty: the shipped ones")
    thresholds: Path | None = Field(None, description="JSON file of your own thresholds; empty: the shipped ones")

    # how it runs
    scans_at_once: int = Field(3, ge=1, description="scans one worker has in hand")
    keep_thumbnails: bool = Field(True, description="keep a small re-encoded copy of each image for the dashboard")
    blur_thumbnails: bool = Field(False, description="medical pictures are blurred in the dashboard until they are pointed at")
    retention_days: int = Field(0, ge=0, description="days a scan is kept; 0 keeps it")

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
    """Read environment and `.env`; raise SettingsError in one line that names the knob and what to do."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    given = {name.upper() for name in (*os.environ, *dotenv_values(".env"))}
    if unknown := sorted(name for name in given if name.startswith(PREFIX) and name not in known):
        raise SettingsError(f"unknown setting {', '.join(unknown)}; `medlens config` lists the known ones")
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else "settings"
        raise SettingsError(f"{name}: {first['msg']} (given: {first['input']!r})") from None
