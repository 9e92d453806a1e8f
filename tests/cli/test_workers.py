"""Several worker processes behind one address: who dies is replaced, and all stop together."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import httpx2
import psutil
import pytest
from conftest import StartServer
from support.app import SECRET
from support.ports import free_port
from support.process import AUTHGQL, LiveServer, environment

from authgql.workers import Worker, WorkerEnded, Workers, spawn

pytestmark = [pytest.mark.process, pytest.mark.redis]

PATIENCE_SECONDS = 20


@pytest.fixture
def server(start_server: StartServer, redis_url: str) -> LiveServer:
    started = start_server("--dev", "--workers", "2", REDIS_URL=redis_url)
    wait_until(lambda: "Workers   2" in started.log.read_text())
    return started


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers_of(server: LiveServer) -> list[psutil.Process]:
    """Return the workers, without multiprocessing's own tracker."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def is_ready(server: LiveServer) -> bool:
    return bool(httpx2.get(f"{server.url}/readyz").status_code == httpx2.codes.OK)


def test_a_worker_that_dies_is_replaced_and_told_to_stop_they_all_do(server: LiveServer) -> None:
    first, second = workers_of(server)
    first.kill()
    assert all(is_ready(server) for _ in range(20))
    wait_until(lambda: "worker.started" in server.log.read_text())
    assert second.is_running()
    assert '"reason":"exit status -9"' in server.log.read_text()
    present = workers_of(server)
    assert server.stop(signal.SIGINT) == 0
    assert not any(worker.is_running() for worker in present)
    assert server.log.read_text().count("worker.ended") == 1
    assert [line for line in server.mistakes() if "worker.ended" not in line] == []


def test_workers_without_a_parent_stop(server: LiveServer) -> None:
    workers = workers_of(server)
    server.process.kill()
    server.process.wait(PATIENCE_SECONDS)
    wait_until(lambda: not any(worker.is_running() for worker in workers))


def test_a_replacement_is_tried_until_it_can_start(server: LiveServer, tmp_path: Path) -> None:
    database = tmp_path / "var" / "authgql.db"
    database.rename(tmp_path / "moved.db")
    database.mkdir()
    first, second = workers_of(server)
    first.kill()
    wait_until(lambda: "worker.failed" in server.log.read_text())
    database.rmdir()
    (tmp_path / "moved.db").rename(database)
    wait_until(lambda: "worker.started" in server.log.read_text())
    assert len(workers_of(server)) == 2
    assert second.is_running()
    assert server.stop() == 0


def test_what_keeps_them_from_starting_is_said_once_in_one_line(tmp_path: Path, redis_url: str) -> None:
    done = serve(tmp_path, DATABASE_URL=f"sqlite://{tmp_path}/empty.db", REDIS_URL=redis_url)
    assert done.returncode == 1
    assert re.fullmatch(
        r"authgql: The database lacks \d migration\(s\)\. Run `authgql migrate`\.\n", done.stderr
    )


def test_more_than_one_need_redis(tmp_path: Path) -> None:
    done = serve(tmp_path, DATABASE_URL=f"sqlite://{tmp_path}/empty.db")
    assert done.returncode == 1
    assert done.stderr.startswith("authgql: AUTHGQL_REDIS_URL is not set.")
    assert done.stderr.count("\n") == 1


async def test_a_worker_that_ends_without_a_word_at_its_start_is_told() -> None:
    told: list[bool] = []
    with pytest.raises(WorkerEnded):
        await Workers(start=lambda: worker(_end), count=1).run(lambda: told.append(True))
    assert not told


async def test_being_told_to_stop_at_the_start_is_no_failure() -> None:
    workers = Workers(start=lambda: worker(_hesitate), count=2)
    asyncio.get_running_loop().call_later(0.5, workers.stop)
    await workers.run(lambda: None)


async def test_being_told_to_stop_ends_the_search_for_a_replacement() -> None:
    starts = 0

    def start() -> Worker:
        nonlocal starts
        starts += 1
        if starts == 1:
            return worker(_break)
        asyncio.get_running_loop().call_soon(workers.stop)
        return worker(_hesitate)

    workers = Workers(start=start, count=1)
    await workers.run(lambda: None)
    assert starts == 2


async def test_a_worker_says_what_stopped_it_later_too() -> None:
    breaking = worker(_break)
    await breaking.started()
    await breaking.ended()
    assert breaking.reason() == "the disk is full"


def worker(work: Callable[[Connection], None]) -> Worker:
    here, there = spawn.Pipe()
    process = spawn.Process(target=work, args=(there,))
    process.start()
    there.close()
    return Worker(process=process, word=here)


def _end(_: Connection) -> None:
    sys.exit(3)


def _break(word: Connection) -> None:
    word.send(None)
    word.send(OSError("the disk is full"))


def _hesitate(_: Connection) -> None:
    time.sleep(PATIENCE_SECONDS)


def serve(directory: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- our own program
        [AUTHGQL, "serve", "--workers", "2", "--port", str(free_port())],
        cwd=directory,
        env=environment("http://localhost:8000", SECRET_KEYS=SECRET, **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
