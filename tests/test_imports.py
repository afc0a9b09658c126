"""The contracts of pyproject.toml over every import: also those by a name in a string, which import-linter does not see."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

from server.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
FORBIDDING = [contract for contract in LINTER["contracts"] if contract["type"] == "forbidden"]
# Inside functions that only workers and commands call. The web process reads which members there are and their cards, beside these.
LATE = {
    ("server.models.checkpoint", "torch"): "save_checkpoint and load_cnn",
    ("server.models.checkpoint", "server.models.cnn"): "load_cnn and start_cnn",
    ("server.models.members", "server.models.clip"): "Kind.open",
    ("server.models.members", "server.models.kmeans"): "Kind.open",
    ("server.models.registry", "open_clip"): "the list of `medlens models pull`",
}


def named_imports() -> set[tuple[str, str]]:
    """(importer, imported) of each `import_module("server...")`."""
    found = set()
    for file in (ROOT / "server").rglob("*.py"):
        importer = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"import_module", "importlib.import_module"}:
                name = node.args[0].value if isinstance(node.args[0], ast.Constant) else None
                if isinstance(name, str) and name.startswith("server"):
                    found.add((importer, name))
    return found


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    whole = grimp.build_graph("server", include_external_packages=True, cache_dir=None)
    for importer, imported in named_imports():
        whole.add_import(importer=importer, imported=imported)
    return whole


def chains(graph: grimp.ImportGraph, contract: dict[str, Any]) -> list[tuple[str, ...]]:
    """A way from each source to each module that it must not import."""
    pairs = (
        (source, other)
        for source in contract["source_modules"]
        for other in contract["forbidden_modules"]
        if other in graph.modules
    )
    found = (graph.find_shortest_chain(source, other, as_packages=True) for source, other in pairs)
    return [chain for chain in found if chain]


@pytest.mark.parametrize("contract", FORBIDDING, ids=lambda contract: contract["name"])
def test_no_import_breaks_a_contract(graph: grimp.ImportGraph, contract: dict[str, Any]) -> None:
    known = set(graph.modules)
    assert set(contract["source_modules"]) <= known
    assert {name for name in contract["forbidden_modules"] if name.startswith("server")} <= known
    allowed = [edge for edge in LATE if graph.direct_import_exists(importer=edge[0], imported=edge[1])]
    for importer, imported in allowed:
        graph.remove_import(importer=importer, imported=imported)
    broken = chains(graph, contract)
    for importer, imported in allowed:
        graph.add_import(importer=importer, imported=imported)
    assert broken == []


def test_an_import_by_name_is_seen(graph: grimp.ImportGraph) -> None:
    assert ("server.app", "server.models.members") in named_imports()
    web = next(contract for contract in FORBIDDING if "web process" in contract["name"])
    assert ("server.app", "server.models.members", "server.models.checkpoint", "torch") in chains(graph, web)
    assert all(graph.direct_import_exists(importer=importer, imported=imported) for importer, imported in LATE)


def workers() -> list[str]:
    """The modules that a confined child runs: those with a function `serve(pipe: Pipe)`."""
    files = [file for file in (ROOT / "server").rglob("*.py") if "\ndef serve(pipe: Pipe)" in file.read_text()]
    return sorted(".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)


def test_a_confined_child_imports_nothing_late(graph: grimp.ImportGraph) -> None:
    """Its user may not be allowed to read the folder of the program, so all that it runs is imported before it is confined."""
    assert {"server.extract.image_worker", "server.extract.pdf_worker", "server.dedupe.decode_worker"} <= set(workers())
    reached = {name for worker in workers() for name in {worker, *graph.find_upstream_modules(worker)} if name.startswith("server")}
    late = []
    for name in reached:
        path = ROOT / name.replace(".", "/")
        tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        inner = [node for function in functions for node in ast.walk(function)]
        late += [(name, ast.unparse(node)) for node in inner if isinstance(node, ast.Import | ast.ImportFrom)]
    assert late == []


# Serves its pages, the health of every part and the settings, which ask what judges; then says what it has imported.
SERVE = """
import asyncio, json, os, sys
from aiohttp.test_utils import TestClient, TestServer
from server.app import create_app
from server.settings import load_settings

async def main():
    settings = load_settings()
    headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    async with TestClient(TestServer(create_app(settings), host="127.0.0.1"), headers=headers) as client:
        for path in "/ /new /settings /review /corrections /statistics /readyz /api/scans /api/stats /api/openapi.json".split():
            answer = await client.get(path)
            assert answer.status in (200, 503), (path, answer.status, await answer.text())
    print(json.dumps(sorted(sys.modules)))

asyncio.run(main())
"""


def test_a_web_process_at_work_has_imported_none_of_it(database_settings: Settings, tmp_path: Path) -> None:
    assert database_settings.database_url
    environment = {
        "PATH": "/usr/bin:/bin",
        "MEDLENS_DATABASE_URL": database_settings.database_url.get_secret_value(),
        "MEDLENS_DATA_DIR": str(tmp_path),
        "MEDLENS_TOKEN": "t" * 40,
    }
    done = subprocess.run([sys.executable, "-c", SERVE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"server.app", "server.models.members", "server.models.version"} <= loaded
    web = next(contract for contract in FORBIDDING if "web process" in contract["name"])
    assert loaded & {*web["forbidden_modules"], "server.models.cnn", "server.models.clip", "server.models.graph"} == set()


def test_the_command_line_imports_none_of_it() -> None:
    code = "import sys, server.__main__; print(' '.join(sys.modules))"
    loaded = set(subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split())
    web = next(contract for contract in FORBIDDING if "web process" in contract["name"])
    assert loaded & set(web["forbidden_modules"]) == set()
