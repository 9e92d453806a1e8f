"""A database that can be taken away and given back, as a network or an operator does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Wire:
    """Carries connections to a PostgreSQL server until it is cut."""

    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._carries = asyncio.Event()
        self._carries.set()

    @property
    def url(self) -> str:
        """The database, by way of this wire."""
        user = self._there.netloc.rpartition("@")[0]
        return f"postgres://{user}@127.0.0.1:{self._port}{self._there.path}"

    async def mend(self) -> None:
        """Take connections from now on, at the same port as before."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """End every connection and take no other."""
        assert self._server is not None
        self._server.close()
        self._carries.set()
        for writer in list(self._writers):
            writer.transport.abort()
        await self._server.wait_closed()

    def hold(self) -> None:
        """Keep every connection, take new ones, and carry nothing: a database that hangs."""
        self._carries.clear()

    def let_go(self) -> None:
        """Carry again, also what was held back."""
        self._carries.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await self._reach()
        self._writers |= {writer, there_writer}
        await asyncio.gather(self._pipe(reader, there_writer), self._pipe(there_reader, writer))
        self._writers -= {writer, there_writer}

    async def _reach(self) -> Streams:
        directory = parse_qs(self._there.query).get("host")
        if directory:
            return await asyncio.open_unix_connection(f"{directory[0]}/.s.PGSQL.5432")
        return await asyncio.open_connection(self._there.hostname, self._there.port or 5432)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._carries.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    """Lay a wire to a PostgreSQL database."""
    wire = Wire(url)
    await wire.mend()
    try:
        yield wire
    finally:
        await wire.cut()
