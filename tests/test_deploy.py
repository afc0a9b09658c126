"""The files of docs/deploy fit the project: settings, commands, ports, copied files and metrics that they name exist."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from typer.core import TyperGroup
from typer.main import get_command

from server.__main__ import app
from server.settings import PREFIX, Settings
from server.web.http.metrics import Metrics
from server.web.routes import ROUTES

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "docs/deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
# Of compose.yaml and its .env alone.
OWN_NAMES = {"MEDLENS_DB_PASSWORD"}
COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}


def options_of(command: str) -> set[str]:
    """The options of a command of `medlens`; KeyError for an unknown command."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return {option for parameter in group.commands[command].params for option in (*parameter.opts, *parameter.secondary_opts)}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


@pytest.mark.parametrize("path", [path for path in DEPLOY.rglob("*") if path.is_file()], ids=lambda path: path.name)
def test_every_setting_that_is_named_exists(path: Path) -> None:
    named = set(re.findall(r"\bMEDLENS_[A-Z_]+\b", path.read_text()))
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    assert named <= known | OWN_NAMES


def test_compose_starts_commands_that_exist_on_the_port_of_the_service() -> None:
    services = compose()["services"]
    port = Settings.model_fields["port"].default
    for name in ("web", "worker"):
        command, *words = services[name]["command"]
        assert {word for word in words if word.startswith("-")} <= options_of(command)
    assert services["web"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    for name in ("web", "worker"):
        assert services[name]["cap_drop"] == ["ALL"]
        assert (DEPLOY / services[name]["build"]["context"] / services[name]["build"]["dockerfile"]).is_file()


def test_the_health_check_asks_a_host_that_the_service_answers() -> None:
    check = next(line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if "urlopen" in line)
    asked = re.search(r"http://([^:]+):(\d+)(/\w+)", check)
    assert asked is not None
    fixed = compose()["services"]["web"]["environment"]["MEDLENS_HOSTS"].split("${")[0].split(",")
    assert asked[1] in Settings.model_fields["hosts"].default
    assert asked[1] in fixed
    assert int(asked[2]) == Settings.model_fields["port"].default
    assert asked[3] in {route.path for route in ROUTES if isinstance(route, web.RouteDef)}


def test_the_image_copies_what_is_there_and_runs_as_an_ordinary_user() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]]
    assert copied
    assert all((ROOT / name).exists() for name in copied)
    user = lines.index("USER medlens")
    assert not any(line.startswith(("RUN", "USER")) for line in lines[user + 1 :])
    assert f"EXPOSE {Settings.model_fields['port'].default}" in lines
    assert json.loads(next(line for line in lines if line.startswith("CMD")).removeprefix("CMD "))[0] in COMMANDS


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_start_commands_that_exist_with_few_rights(path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    service = unit["Service"]
    assert service["ExecStart"].split("medlens ", 1)[1].split()[0] in COMMANDS
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("medlens", "yes", "strict")
    assert service["CapabilityBoundingSet"] == ""


def expressions() -> list[str]:
    groups = yaml.safe_load((DEPLOY / "prometheus/medlens.rules.yaml").read_text())["groups"]
    board = json.loads((DEPLOY / "grafana/medlens.json").read_text())
    rules = [rule["expr"] for group in groups for rule in group["rules"]]
    return rules + [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_rules_and_dashboard_name_metrics_that_the_service_has() -> None:
    metrics = Metrics()
    metrics.requests.labels("GET", "/", "200").inc()
    metrics.seconds.labels("/").observe(0.1)
    there = set(re.findall(r"^(medlens_\w+)", metrics.text()[0].decode(), re.MULTILINE))
    named = {name for expression in expressions() for name in re.findall(r"\bmedlens_\w+", expression)}
    assert named
    assert named <= there
