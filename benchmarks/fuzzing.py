"""Coverage-guided fuzzing with atheris (libFuzzer) of everything that reads strangers' bytes or addresses in Python.

python benchmarks/fuzzing.py [--seconds 60] [--targets NAME ...] [--corpora DIR]

A class of fortress.py. Each target of fuzz_targets.py runs in a process of its own. An input is handled if it gives a result or an
error by name. An input that raises anything else is `crashed`, one that takes longer than SLOW_S is `hung`; both are kept in
runs/fuzzing/, and the target stops at the first.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

from record import record

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"
FOUND = ROOT / "runs" / "fuzzing"
SLOW_S = 20  # a reader may take longer, but an input of some kilobytes never needs to
MEMORY_MB = 4096
MAX_BYTES = 32 * 1024  # of an input
GRACE_S = 180.0  # for loading the libraries and reading the seeds, on a busy machine
INSTRUMENTED = ["server", "pydicom", "nibabel", "nrrd", "warcio", "zipfile", "tarfile", "idna"]
ONE = "--in-this-process"


async def fuzzing(seconds: int, targets: list[str], corpora: Path) -> Counter[str]:
    """Inputs of all targets by how they ended."""
    total = Counter[str]()
    FOUND.mkdir(parents=True, exist_ok=True)
    for name in targets:
        with tempfile.TemporaryDirectory() as folder:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, __file__, ONE, folder, "--seconds", str(seconds), "--targets", name, "--corpora", str(corpora)),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            try:
                async with asyncio.timeout(seconds + SLOW_S + GRACE_S):
                    out = (await process.communicate())[0].decode(errors="replace")
            except TimeoutError:
                process.kill()
                await process.wait()
                total["hung"] += 1
                continue
        tally = _counted(out, process.returncode or 0)
        print(f"{name}: {dict(tally)}", file=sys.stderr)
        if tally["crashed"] or tally["hung"]:
            print(out[-6000:], file=sys.stderr)
        total += tally
    return total


def _counted(out: str, status: int) -> Counter[str]:
    """What libFuzzer's last lines say."""
    ran = re.findall(r"stat::number_of_executed_units:\s+(\d+)", out) or re.findall(r"^#(\d+)", out, re.MULTILINE)
    hung = "ERROR: libFuzzer: timeout" in out
    return Counter(handled=int(ran[-1]) if ran else 0, hung=int(hung), crashed=int(status != 0 and not hung))


def fuzz_here(name: str, given: argparse.Namespace) -> None:
    """Fuzz one target in this process, which libFuzzer ends."""
    sys.path.insert(0, str(ROOT))
    import atheris  # noqa: PLC0415 - before what it instruments

    with atheris.instrument_imports(include=INSTRUMENTED):
        from fuzz_targets import TARGETS, write_seeds  # noqa: PLC0415

        from server.contract.errors import MedlensError  # noqa: PLC0415
    target = TARGETS[name][0]
    write_seeds(name, given.corpora, given.in_this_process, MAX_BYTES)

    def one(data: bytes) -> None:
        with suppress(MedlensError):
            target(data)

    options = [f"-max_total_time={given.seconds}", f"-timeout={SLOW_S}", f"-rss_limit_mb={MEMORY_MB}", f"-max_len={MAX_BYTES}"]
    where = f"-artifact_prefix={FOUND / name.replace(' ', '-')}-"
    atheris.Setup([sys.argv[0], *options, where, "-print_final_stats=1", str(given.in_this_process)], one)
    atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--targets", nargs="+", help="all if none is given")
    parser.add_argument("--corpora", type=Path, default=CORPORA)
    parser.add_argument(ONE, type=Path, metavar="SEEDS", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.in_this_process:
        fuzz_here(given.targets[0], given)
    tally = asyncio.run(fuzzing(given.seconds, given.targets or all_targets(), given.corpora))
    record("fuzzing", {"seconds": given.seconds, "targets": given.targets}, dict(tally))
    sys.exit(1 if tally["crashed"] + tally["hung"] else 0)


def all_targets() -> list[str]:
    sys.path.insert(0, str(ROOT))
    from fuzz_targets import TARGETS  # noqa: PLC0415 - only the children import it under atheris's instrumentation

    return list(TARGETS)


if __name__ == "__main__":
    main()
