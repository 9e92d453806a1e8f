"""The way to PostgreSQL is as safe as the operator asked for, or is not taken."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.databases import opened
from support.tls import certificate_in, server_context

from authgql.core.database import database_config, is_unavailable
from authgql.system import MODELS


class Listener:
    """Speaks as much of PostgreSQL's protocol as comes before a name and a password."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        self.heard = b""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)  # the request for TLS
        writer.write(b"S" if self._context else b"N")
        try:
            if self._context:
                await writer.start_tls(self._context)
            self.heard += await reader.read(1000)
        except (ssl.SSLError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(context: ssl.SSLContext | None) -> AsyncIterator[Listener]:
    listener = Listener(context)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


async def connect(port: int, mode: str) -> BaseException:
    """Try to connect, and return why that fails in the end."""
    with pytest.raises(Exception) as failure:  # noqa: PT011 -- any, and then looked at
        async with opened(f"postgres://ada:secret@127.0.0.1:{port}/auth?sslmode={mode}") as database:
            await database.ping()
    return failure.value


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return certificate_in(tmp_path)


@pytest.mark.parametrize("mode", ["require", "verify-full"])
async def test_a_server_without_tls_hears_nothing_where_it_is_demanded(mode: str) -> None:
    async with listening(None) as server:
        assert is_unavailable(await connect(server.port, mode))
        assert server.heard == b""


async def test_a_server_that_nobody_vouches_for_hears_nothing(certificate: Path) -> None:
    async with listening(server_context(certificate)) as server:
        assert is_unavailable(await connect(server.port, "verify-full"))
        assert server.heard == b""


async def test_a_server_that_the_machine_trusts_is_spoken_to(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with listening(server_context(certificate)) as server:
        await connect(server.port, "verify-full")  # which then hangs up
        assert b"ada" in server.heard


@pytest.mark.parametrize(
    ("query", "ssl_"), [("", None), ("?sslmode=require", "require"), ("?ssl=true", True)]
)
def test_what_the_url_asks_for_is_what_the_driver_is_told(query: str, ssl_: object) -> None:
    config = database_config(f"postgres://ada@db/auth{query}", MODELS)
    credentials: dict[str, Any] = config["connections"]["postgres"]["credentials"]
    assert credentials.get("ssl") == ssl_
    assert "sslmode" not in credentials
