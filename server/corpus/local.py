"""The engine `local`: documents of a corpus in this process, several at once, with bounded memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator

from server.corpus.document import Document
from server.corpus.judging import JudgedDocument, judge_here
from server.corpus.known import Known
from server.scan.resources import ScanResources

# Documents at once for each of MEDLENS_SCANS_AT_ONCE.
# A corpus of single images needs more documents than a page has to fill a batch of the model; each is bounded by its reader.
DOCUMENTS_FOR_EACH = 4


async def judge_local(
    documents: Iterator[Document], resources: ScanResources, known: Known
) -> AsyncGenerator[JudgedDocument, None]:
    """Yield each document's outcome as it is done, in any order. Raises what the model's weights and the disk raise."""
    running: set[asyncio.Task[JudgedDocument]] = set()
    room = resources.settings.scans_at_once * DOCUMENTS_FOR_EACH
    try:
        while True:
            while len(running) < room and (document := await asyncio.to_thread(next, documents, None)) is not None:
                running.add(asyncio.create_task(judge_here(document, resources, known)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
