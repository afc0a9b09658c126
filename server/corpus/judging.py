"""Runs the pipeline of a scan on one document of a corpus: open, extract, and judge with the corpus's known verdicts.

Opening and extracting may run in another process than judging: what an extractor yields is then collected and sent.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from server.contract.errors import MedlensError
from server.contract.records import Candidate, Found, JudgedImage, Skipped, SkipReason, SourceKind
from server.corpus.document import Document, open_document
from server.corpus.known import Known, judged_from_text, judged_text
from server.scan.dispatch import extract_source
from server.scan.outcome import Outcome
from server.scan.pipeline import SINGLE, Scan
from server.scan.resources import ScanResources
from server.scan.timings import Timings

# Bytes of the images of one document that are sent between processes; further images are skipped as too large. It is a quarter of
# what one value of an Arrow column can hold, and bounds the memory of a reader.
MAX_SENT_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """All that was found in a document, and the error that ended the reading."""

    document: Document
    kind: SourceKind
    founds: tuple[Found, ...] = field(repr=False, default=())
    error: MedlensError | None = None


@dataclass(frozen=True, slots=True)
class JudgedDocument:
    """The outcome of one document. `judged`: images that were judged for it, and not known from other documents."""

    document: Document
    kind: SourceKind
    outcome: Outcome
    judged: int


class CorpusRecorder:
    """Implements the Recorder of server/scan/pipeline.py: verdicts come from `known` and go there; nothing else is stored."""

    def __init__(self, known: Known, holder: str) -> None:
        self._known, self._holder = known, holder
        self.judged = 0

    async def cached(self, sha256: str) -> JudgedImage | None:
        text = await self._known.claim(sha256, self._holder)
        return judged_from_text(text) if text is not None else None

    async def add(self, judged: JudgedImage) -> None:
        if not judged.verdict.cached:
            self.judged += 1
            await self._known.store(judged.image.sha256, judged_text(judged))

    def set_progress(self, found: int, skipped: Mapping[SkipReason, int], title: str | None) -> None:
        """Progress is counted by documents."""


async def judge_here(document: Document, resources: ScanResources, known: Known) -> JudgedDocument:
    """Open, read and judge a document in this process, images while it is read."""
    try:
        source = await open_document(document, resources)
    except MedlensError as error:
        return await judge_read(ReadDocument(document, "unknown", error=error), resources, known)
    return await _judge(document, source.kind, extract_source(source, resources), resources, known)


async def read_document(document: Document, resources: ScanResources, max_bytes: int = MAX_SENT_BYTES) -> ReadDocument:
    """Open and read a document, to be judged elsewhere. Raises nothing of ours: the error is part of the result."""
    founds: list[Found] = []
    kind: SourceKind = "unknown"
    size = 0
    try:
        source = await open_document(document, resources)
        kind = source.kind
        async with aclosing(extract_source(source, resources)) as extracted:
            async for found in extracted:
                size += len(found.data) if isinstance(found, Candidate) else 0
                full = isinstance(found, Candidate) and size > max_bytes
                founds.append(_too_large(found, max_bytes) if full else found)
    except MedlensError as error:
        return ReadDocument(document, kind, tuple(founds), error)
    return ReadDocument(document, kind, tuple(founds))


def _too_large(found: Found, max_bytes: int) -> Found:
    assert isinstance(found, Candidate)
    return Skipped("too_large", found.place, f"the document has more than {max_bytes:,} bytes of images")


async def judge_read(read: ReadDocument, resources: ScanResources, known: Known) -> JudgedDocument:
    """Judge what was read elsewhere."""
    return await _judge(read.document, read.kind, _replayed(read), resources, known)


async def _replayed(read: ReadDocument) -> AsyncGenerator[Found, None]:
    for found in read.founds:
        yield found
    if read.error is not None:
        raise read.error


async def _judge(
    document: Document, kind: SourceKind, founds: AsyncGenerator[Found, None], resources: ScanResources, known: Known
) -> JudgedDocument:
    recorder = CorpusRecorder(known, document.key)
    scan = Scan(resources.settings, resources.decoder, resources.engine(), recorder, Timings())
    try:
        async with aclosing(founds):
            outcome = await scan.run(founds, single=kind in SINGLE)
    finally:
        await known.release(document.key)
    return JudgedDocument(document, kind, outcome, recorder.judged)
