"""A run over a corpus: an engine judges the documents that are not yet done, and their rows are written."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from filelock import FileLock, Timeout

from server.contract.errors import RequestError
from server.corpus.arrow import pyarrow
from server.corpus.document import Document
from server.corpus.judging import JudgedDocument
from server.corpus.known import KnownFile
from server.corpus.listing import Corpus
from server.corpus.local import judge_local
from server.corpus.manifest import KNOWN, LOCK, Manifest, make_usable, open_manifest
from server.corpus.near import write_groups
from server.corpus.on_ray import RayOptions, judge_on_ray, ray_cluster
from server.corpus.output import Writer
from server.models.members import kinds
from server.models.version import model_version
from server.scan.resources import open_resources
from server.settings import Settings, display_value

EngineName: TypeAlias = Literal["local", "ray"]
# Settings that change what the rows say, and so cannot change between the parts of one run.
SETTINGS = ("context", "min_image_side", "max_images", "max_pixels", "max_download_bytes")


@dataclass(frozen=True, slots=True)
class Summary:
    """What the folder holds now (`counts` as of Writer.counts), and this run's share: documents, seconds, and those done before.

    `grouped`: images whose near duplicates were grouped, None where there are too many.
    """

    counts: Counter[str]
    before: int
    documents: int
    seconds: float
    grouped: int | None
    model_version: str


OnProgress: TypeAlias = Callable[[int, int | None, Counter[str]], None]


async def run_corpus(
    corpus: Corpus,
    out: Path,
    settings: Settings,
    engine: EngineName = "local",
    ray: RayOptions | None = None,
    on_progress: OnProgress = lambda *_: None,
) -> Summary:
    """Judge all documents that are not yet done in `out`.

    `on_progress(done, total, counts)` is called for each document; total is None until the source is listed. Raises RequestError
    for a wrong source or folder `out` (absolute), before work begins, or too little room; ExtraMissing; WeightsMissing.
    """
    pyarrow()
    version = model_version(settings, kinds(settings))
    if corpus.kind == "folder" and out.is_relative_to(corpus.path):
        raise RequestError(f"--out {out} lies in the corpus itself, and would be read as a part of it")
    facts = {
        "source": str(corpus.path),
        "source_kind": corpus.kind,
        "columns": [corpus.columns.bytes, corpus.columns.url],
        "model_version": version,
    } | {name: display_value(getattr(settings, name)) for name in SETTINGS}
    make_usable(out)
    with ExitStack() as stack:
        try:
            stack.enter_context(FileLock(out / LOCK).acquire(timeout=0))
        except Timeout:
            raise RequestError(f"another run writes to {out}") from None
        manifest = open_manifest(out, facts)
        return await _run(corpus, manifest, settings, engine, ray or RayOptions(), on_progress, version)


async def _run(
    corpus: Corpus,
    manifest: Manifest,
    settings: Settings,
    engine: EngineName,
    ray: RayOptions,
    on_progress: OnProgress,
    version: str,
) -> Summary:
    begun, before = time.monotonic(), len(manifest.done)
    counting = asyncio.create_task(asyncio.to_thread(_count, corpus))
    writer = Writer(manifest)
    try:
        async with aclosing(_judged(_left(corpus, manifest), manifest, settings, engine, ray)) as results:
            async for judged in results:
                await asyncio.to_thread(writer.add, judged)
                on_progress(writer.counts["documents"], counting.result() if counting.done() else None, writer.counts)
    finally:
        counting.cancel()
    await asyncio.to_thread(writer.flush)
    grouped = await asyncio.to_thread(write_groups, manifest.out)
    return Summary(manifest.counts, before, len(manifest.done) - before, time.monotonic() - begun, grouped, version)


async def _judged(
    documents: Iterator[Document], manifest: Manifest, settings: Settings, engine: EngineName, options: RayOptions
) -> AsyncGenerator[JudgedDocument, None]:
    async with AsyncExitStack() as stack:
        results: AsyncGenerator[JudgedDocument, None]
        if engine == "ray":
            ray: Any = stack.enter_context(ray_cluster(options))
            results = judge_on_ray(documents, settings, str(manifest.out / KNOWN), ray, options)
        else:
            known = KnownFile(str(manifest.out / KNOWN))
            stack.callback(known.close)
            results = judge_local(documents, await stack.enter_async_context(open_resources(settings)), known)
        async with aclosing(results):
            async for judged in results:
                yield judged


def _left(corpus: Corpus, manifest: Manifest) -> Iterator[Document]:
    """The documents that are not done, each name once."""
    seen = set(manifest.done)
    for document in corpus.documents():
        key = bytes.fromhex(document.key)
        if key not in seen:
            seen.add(key)
            yield document


def _count(corpus: Corpus) -> int:
    return sum(1 for _ in corpus.documents())
