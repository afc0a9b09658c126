"""Asks a reader what does not confine it on this machine, for whoever starts readers and wants to say so."""

from __future__ import annotations

from server.contract.errors import ReaderFailed
from server.sandbox.child import Child

READER = "server.sandbox.state"
MEMORY_MB, CPU_S = 256, 5.0


async def missing_guards() -> tuple[str, ...]:
    """The guards that this platform lacks, in words; none is right. Raises ReaderFailed when no reader can be started."""
    reader = await Child.start(READER, MEMORY_MB, CPU_S)
    try:
        await reader.send({})
        answer = await reader.receive()
    finally:
        await reader.close()
    if answer is None:
        raise ReaderFailed("the process that reads files ended before it read one")
    return tuple(map(str, answer[0]["missing"]))
