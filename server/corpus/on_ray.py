"""The engine `ray`: a corpus as a Ray Data pipeline of reader tasks and model actors.

Readers open and read documents and are run again where a node is lost; each actor holds one engine and judges batches of documents,
on a GPU where there is one. The rows are written by the process that started the run, so that each document counts once, however
often it was read. Verdicts known from other documents, and the delay between requests to one host, are kept by actors beside it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from server.contract.extras import naming_extras
from server.corpus.arrow import pyarrow
from server.corpus.document import Document
from server.corpus.judging import JudgedDocument
from server.corpus.known import KnownFile
from server.corpus.ray_workers import DocumentReader, HostClock, JudgeActor
from server.settings import Settings

# Documents of one Ray Data execution: their list is held by the driver, and the actors load their models once for each.
WINDOW = 50_000
# Documents that one reader task reads, and one call of an actor judges: enough to fill the model's batches.
BATCH_DOCUMENTS = 16
# Cores that Ray counts for a reader, which mostly waits for its child. A number of its own, so that Ray Data runs readers as tasks
# and does not join them with the actors; all actors together count for this share of the cores, so that readers still run when
# half of the nodes are lost.
READER_CPUS, ACTORS_SHARE = 0.3, 0.25
# Settings of a cluster that is started here. Ray takes the machine's own address even where 127.0.0.1 is given, unless it is told
# that it is not to be reached by other machines, as on a desktop; read when it is imported.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
CALLS_AT_ONCE = 1000  # of the actors that wait for others, each call being one waiting image or request


@dataclass(frozen=True, slots=True)
class RayOptions:
    """`address`: of a running cluster; None starts one here. `actors`: model actors; None for one a GPU, or one for two cores."""

    address: str | None = None
    actors: int | None = None


@contextmanager
def ray_cluster(options: RayOptions) -> Iterator[Any]:
    """The module ray, connected; a cluster that was started here ends with the block. Raises ExtraMissing."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    if not options.address:
        os.environ.update(LOOPBACK)
    pyarrow()  # Ray Data needs it, and says so less clearly
    with naming_extras():
        import ray  # noqa: PLC0415 - an installation without the extra has none
        import ray.data  # noqa: PLC0415
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if options.address:
        ray.init(address=options.address, **quiet)
    else:
        ray.init(include_dashboard=False, **quiet)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        for logger in ("ray", "ray.data"):
            logging.getLogger(logger).setLevel(logging.ERROR)
        yield ray
    finally:
        ray.shutdown()


async def judge_on_ray(
    documents: Iterator[Document], settings: Settings, known_file: str, ray: Any, options: RayOptions
) -> AsyncGenerator[JudgedDocument, None]:
    """Yield each document's outcome once, in any order. Raises what Ray raises when a task fails again after its retries."""
    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    beside: dict[str, Any] = {"num_cpus": 0, "scheduling_strategy": here, "max_concurrency": CALLS_AT_ONCE}
    known = ray.remote(KnownFile).options(**beside).remote(known_file)
    clock = ray.remote(HostClock).options(**beside).remote(settings.host_delay_s)
    # What is secret stays here, and is not needed to read and judge.
    settings = settings.model_copy(update={"token": None, "database_url": None})
    while window := await asyncio.to_thread(lambda: list(islice(documents, WINDOW))):
        rows = iter(_dataset(window, settings, known, clock, ray, options).iter_rows())
        while (row := await asyncio.to_thread(next, rows, None)) is not None:
            judged = pickle.loads(row["judged"])  # noqa: S301 - written by our own actor
            if isinstance(judged, Exception):
                raise judged
            yield judged


def _dataset(documents: Iterable[Document], settings: Settings, known: Any, clock: Any, ray: Any, options: RayOptions) -> Any:
    packed = [{"document": pickle.dumps(document)} for document in documents]
    gpus = int(ray.cluster_resources().get("GPU", 0))
    cpus = int(ray.cluster_resources().get("CPU", 1))
    actors = options.actors or gpus or max(1, cpus // 2)
    reading = ray.data.from_items(packed, override_num_blocks=max(1, len(packed) // BATCH_DOCUMENTS)).map_batches(
        DocumentReader(settings, clock), batch_size=BATCH_DOCUMENTS, num_cpus=READER_CPUS
    )
    return reading.map_batches(
        JudgeActor,
        fn_constructor_kwargs={"settings": settings, "known": known},
        compute=ray.data.ActorPoolStrategy(size=actors),
        batch_size=BATCH_DOCUMENTS,
        **({"num_gpus": 1} if gpus else {"num_cpus": min(1.0, ACTORS_SHARE * cpus / actors)}),
    )
