"""Real gateways, each in a Node process of its own, over this subgraph and one of posts."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson
import uvicorn
from starlette.types import ASGIApp

from authgql.web.schema import build_schema
from support.posts import SCHEMA

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "gateway"
PACKAGES = ROOT / "tests" / "node" / "node_modules"
SCRIPTS = {"apollo": "apollo.cjs", "hive": "hive.js"}


@dataclass
class Gateway:
    """A gateway that answers at `url`, and the listeners at which it looks for its subgraphs."""

    url: str
    accounts: socket.socket
    posts: socket.socket


@contextmanager
def gateway(kind: str, directory: Path, **environment: str) -> Iterator[Gateway]:
    """Compose and start one of the examples; its subgraphs need not answer yet."""
    with listener() as accounts, listener() as posts:
        schemas = {"accounts": build_schema().sdl, "posts": SCHEMA.as_str()}
        listeners = {"accounts": accounts, "posts": posts}
        subgraphs = [
            {"name": name, "url": f"{address(listeners[name])}/graphql", "schema": f"{name}.graphql"}
            for name in schemas
        ]
        # Copied beside the packages that the tests have: Node looks for them from the script's place on.
        shutil.copytree(EXAMPLES, directory, dirs_exist_ok=True)
        (directory / "node_modules").symlink_to(PACKAGES)
        for name, schema in schemas.items():
            (directory / f"{name}.graphql").write_text(schema)
        (directory / "subgraphs.json").write_bytes(orjson.dumps(subgraphs))
        process = subprocess.Popen(  # noqa: S603 -- our own script
            ["node", SCRIPTS[kind], "subgraphs.json"],  # noqa: S607 -- wherever it is installed
            cwd=directory,
            env={**os.environ, "PORT": "0", **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdout
            url = process.stdout.readline().strip()
            try:
                assert url.startswith("http://"), f"{kind} did not start; stderr says why"
                yield Gateway(url=url, accounts=accounts, posts=posts)
            finally:
                process.kill()


@asynccontextmanager
async def gateway_beside(kind: str, directory: Path, **environment: str) -> AsyncIterator[Gateway]:
    """Do the same while this event loop goes on: the gateway asks it for keys as it starts."""
    manager = gateway(kind, directory, **environment)
    running = await asyncio.to_thread(manager.__enter__)
    try:
        yield running
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)


@asynccontextmanager
async def serving(app: ASGIApp, at: socket.socket) -> AsyncIterator[None]:
    """Answer at a listener, from this event loop, for as long as the test lasts."""
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
    task = asyncio.create_task(server.serve(sockets=[at.dup()]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def address(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"
