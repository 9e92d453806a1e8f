"""A load balancer of the simplest kind: each connection goes to the next server."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle


@asynccontextmanager
async def balancer(port: int, targets: Sequence[int]) -> AsyncIterator[None]:
    """Listen on a port, and carry connections to the targets' ports in turn."""
    turns = cycle(targets)

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", next(turns))
        await asyncio.gather(_pipe(reader, there_writer), _pipe(there_reader, writer))

    async with await asyncio.start_server(carry, "127.0.0.1", port, backlog=1_000):
        yield


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
