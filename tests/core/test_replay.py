"""What was used once is recognised for as long as was asked, and a flood washes nothing away."""

import asyncio

import pytest
from support.app import ManualClock

from authgql.core.replay import MemoryReplays


@pytest.fixture
def replays(clock: ManualClock) -> MemoryReplays:
    return MemoryReplays(clock=clock, capacity=1000)


async def test_a_key_is_new_once(replays: MemoryReplays) -> None:
    assert await replays.first_time("key", seconds=60)
    assert not await replays.first_time("key", seconds=60)
    assert await replays.first_time("other", seconds=60)


async def test_of_many_at_once_one_is_the_first(replays: MemoryReplays) -> None:
    answers = await asyncio.gather(*(replays.first_time("key", seconds=60) for _ in range(100)))
    assert answers.count(True) == 1


async def test_a_key_is_remembered_until_its_time_is_over(replays: MemoryReplays, clock: ManualClock) -> None:
    assert await replays.first_time("key", seconds=60)
    clock.advance(59.999)
    assert not await replays.first_time("key", seconds=60)
    clock.advance(1.001)  # the seconds in which keys expire are whole
    assert await replays.first_time("key", seconds=60)


async def test_each_key_expires_by_itself(replays: MemoryReplays, clock: ManualClock) -> None:
    assert await replays.first_time("long", seconds=120)
    assert await replays.first_time("short", seconds=1)
    clock.advance(60)
    assert not await replays.first_time("long", seconds=120)
    assert await replays.first_time("short", seconds=1)


async def test_a_flood_is_refused_and_makes_nothing_forgotten(replays: MemoryReplays) -> None:
    assert await replays.first_time("used", seconds=60)
    flood = [await replays.first_time(str(number), seconds=60) for number in range(5000)]
    assert flood == [True] * 999 + [False] * 4001
    assert not await replays.first_time("used", seconds=60)


async def test_after_a_flood_there_is_room_again(replays: MemoryReplays, clock: ManualClock) -> None:
    for number in range(2000):
        await replays.first_time(str(number), seconds=60)
    clock.advance(61)
    assert [await replays.first_time(str(number), seconds=60) for number in range(1000)] == [True] * 1000


async def test_a_flood_is_logged_once_for_each_time(
    replays: MemoryReplays, clock: ManualClock, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        for number in range(1200):
            await replays.first_time(str(number), seconds=60)
        clock.advance(61)
    written = capsys.readouterr()
    assert (written.out + written.err).count("replays.full") == 2
