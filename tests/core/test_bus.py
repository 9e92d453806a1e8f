"""What one node says reaches the others while Redis is there, and hinders nobody while it is not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from support.redis import RedisServer

from authgql.core import redis as shared
from authgql.core.bus import Bus
from authgql.core.errors import Unavailable
from authgql.core.redis import QUEUED, RedisBus, connect

PATIENCE_SECONDS = 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(shared, "QUIET_SECONDS", 0.1)


@asynccontextmanager
async def _node(url: str) -> AsyncIterator[tuple[RedisBus, list[bytes]]]:
    """One node's bus, once it hears others, and what it hears."""
    redis, heard, subscribed = connect(url), list[bytes](), asyncio.Event()
    bus = RedisBus(redis)
    bus.listen(heard.append)
    bus.on_gap(subscribed.set)
    async with redis, bus.running():
        await asyncio.wait_for(subscribed.wait(), PATIENCE_SECONDS)
        yield bus, heard


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 -- another server's doing, not ours
            await asyncio.sleep(0.01)


async def test_within_a_process_a_message_is_there_at_once() -> None:
    bus, heard = Bus(), list[bytes]()
    bus.listen(heard.append)
    bus.on_gap(lambda: heard.append(b"gap"))
    async with bus.running():
        bus.publish(b"1")
        await bus.ping()
    assert heard == [b"1"]


@pytest.mark.redis
async def test_a_message_reaches_the_other_nodes_and_oneself_without_waiting(redis_url: str) -> None:
    async with _node(redis_url) as (one, heard_by_one), _node(redis_url) as (_, heard_by_two):
        one.publish(b"1")
        assert heard_by_one == [b"1"]
        await _until(lambda: heard_by_two == [b"1"])
        await one.ping()


@pytest.mark.redis
async def test_a_command_that_ends_at_once_has_told_the_others_first(redis_url: str) -> None:
    async with _node(redis_url) as (_, heard):
        async with connect(redis_url) as redis:
            command = RedisBus(redis)
            async with command.running():
                command.publish(b"locked")
        await _until(lambda: b"locked" in heard)


@pytest.mark.redis
async def test_while_redis_is_away_nothing_waits_and_afterwards_all_is_as_before(tmp_path: Path) -> None:
    gaps = list[str]()
    with RedisServer(tmp_path) as server:
        async with _node(server.url) as (one, mine), _node(server.url) as (two, heard):
            two.on_gap(lambda: gaps.append("gap"))
            server.stop()
            one.publish(b"meanwhile")
            assert mine == [b"meanwhile"]
            with pytest.raises(Unavailable):
                await one.ping()
            await asyncio.sleep(0.1)
            server.start()
            await _until(lambda: bool(gaps))
            one.publish(b"afterwards")
            await _until(lambda: b"afterwards" in heard)


@pytest.mark.redis
async def test_a_quiet_line_is_asked_for_a_sign_of_life_and_left_if_there_is_none(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _node(redis_url) as (bus, _):
        gaps = list[str]()
        bus.on_gap(lambda: gaps.append("gap"))
        await asyncio.sleep(0.35)
        assert gaps == []

        async def unheard(_: object) -> None:
            """Ask on a line that was cut without a word."""

        monkeypatch.setattr("redis.asyncio.client.PubSub.ping", unheard)
        await _until(lambda: bool(gaps))


async def test_a_command_ends_though_redis_is_away() -> None:
    async with connect("redis://127.0.0.1:1/0") as redis:
        bus = RedisBus(redis)
        async with bus.running():
            bus.publish(b"1")
            await asyncio.sleep(0.05)


async def test_what_a_flood_pushed_out_while_it_was_being_sent_takes_nothing_else_with_it() -> None:
    class Slow(Redis):
        async def publish(self, *_: object) -> int:  # type: ignore[override]
            bus._outgoing.popleft()  # noqa: SLF001 -- as a full queue does
            bus._outgoing.extend([b"2"] if len(sent) == 0 else [])  # noqa: SLF001
            sent.append(b"sent")
            return 0

    sent = list[bytes]()
    async with Slow() as redis:
        bus = RedisBus(redis)
        bus.publish(b"1")
        await bus._send_queued()  # noqa: SLF001
    assert len(sent) == 2


async def test_what_cannot_be_sent_does_not_pile_up() -> None:
    bus = RedisBus(connect("redis://127.0.0.1:1/0"))
    for number in range(QUEUED + 10):
        bus.publish(str(number).encode())
    assert len(bus._outgoing) == QUEUED  # noqa: SLF001 -- what would grow
    assert bus._outgoing[-1] == str(QUEUED + 9).encode()  # noqa: SLF001


@pytest.mark.redis
@pytest.mark.parametrize("instead", [TimeoutError(), None], ids=["an error", "an answer"])
async def test_a_cancellation_that_gets_lost_while_reading_keeps_nobody_from_stopping(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, instead: Exception | None
) -> None:
    async def losing(*_: object, **__: object) -> dict[str, str]:
        try:
            await asyncio.sleep(PATIENCE_SECONDS)
        except asyncio.CancelledError:  # as where a timeout falls at the same moment
            if instead:
                raise instead from None
        await asyncio.sleep(0)  # or the rest is out of the coverage's sight
        return {"type": "pong"}

    async with asyncio.timeout(PATIENCE_SECONDS):
        async with _node(redis_url):
            monkeypatch.setattr("redis.asyncio.client.PubSub.get_message", losing)
            await asyncio.sleep(0.2)


async def test_a_cancellation_that_gets_lost_while_sending_keeps_nobody_from_stopping() -> None:
    class Losing(Redis):
        async def publish(self, *_: object) -> int:  # type: ignore[override]
            try:
                await asyncio.sleep(0.5)
            except asyncio.CancelledError:
                raise TimeoutError from None
            return 0

    async with asyncio.timeout(PATIENCE_SECONDS), Losing(port=1) as redis:
        bus = RedisBus(redis)
        async with bus.running():
            bus.publish(b"1")
            await asyncio.sleep(0.05)
