"""Asks a reader which guards this machine lacks, for the log of the process that starts readers."""

from __future__ import annotations

from server.contract.errors import ReaderFailed
from server.sandbox.child import Child
from server.sandbox.limits import PROBE

READER = "server.sandbox.state"


async def missing_guards() -> tuple[str, ...]:
    """The guards that this platform lacks, in words; best none. Raises ReaderFailed when no reader can be started."""
    reader = await Child.start(READER, PROBE)
    try:
        await reader.send({})
        answer = await reader.receive()
    finally:
        await reader.close()
    if answer is None:
        raise ReaderFailed("the process that reads files ended before it read one")
    return tuple(map(str, answer[0]["missing"]))
