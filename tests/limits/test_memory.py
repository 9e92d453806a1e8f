"""The counts of one process are exact, and a flood of names neither fills its memory nor stops it."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.strategies import MovingWindowRateLimiter
from support.app import ManualClock

from authgql.limits.memory import MemoryWindows

FEW = RateLimitItemPerMinute(3)


@pytest.fixture
def memory(clock: ManualClock) -> MemoryWindows:
    return MemoryWindows(clock=clock, capacity=100)


@pytest.fixture
def windows(memory: MemoryWindows) -> MovingWindowRateLimiter:
    return MovingWindowRateLimiter(memory)


def held(memory: MemoryWindows) -> int:
    return sum(map(len, memory._windows.values()))  # noqa: SLF001 -- what memory is used for is its own matter


async def test_a_flood_of_names_is_held_in_bounded_memory(
    memory: MemoryWindows, windows: MovingWindowRateLimiter
) -> None:
    for number in range(5000):
        assert await windows.hit(FEW, str(number))
        assert await windows.hit(RateLimitItemPerHour(3), str(number))
    assert held(memory) == 200


async def test_who_goes_on_trying_is_not_washed_out_by_a_flood(windows: MovingWindowRateLimiter) -> None:
    let_through = 0
    for number in range(300):
        let_through += await windows.hit(FEW, "attacked")
        for other in range(33):
            await windows.hit(FEW, f"{number}/{other}")
            assert (await windows.get_window_stats(FEW, "attacked")).remaining <= 2
    assert let_through >= 3


async def test_what_has_expired_is_forgotten_without_a_sweep(
    memory: MemoryWindows, windows: MovingWindowRateLimiter, clock: ManualClock
) -> None:
    for number in range(100):
        await windows.hit(FEW, str(number))
    clock.advance(61)
    for number in range(50):
        await windows.hit(FEW, f"later-{number}")
    assert held(memory) == 50


async def test_asking_remembers_nothing(memory: MemoryWindows, windows: MovingWindowRateLimiter) -> None:
    for number in range(50):
        assert (await windows.get_window_stats(FEW, str(number))).remaining == 3
    assert held(memory) == 0


async def test_more_than_the_window_takes_is_refused_whole(
    windows: MovingWindowRateLimiter, clock: ManualClock
) -> None:
    assert not await windows.hit(FEW, "a", cost=4)
    assert await windows.hit(FEW, "a", cost=2)
    assert not await windows.hit(FEW, "a", cost=2)
    assert await windows.hit(FEW, "a")
    clock.advance(60)
    assert await windows.hit(FEW, "a", cost=3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=60))
async def test_it_lets_through_what_a_plain_count_of_the_last_minute_would(
    steps: list[tuple[str, int]],
) -> None:
    clock = ManualClock()
    windows = MovingWindowRateLimiter(MemoryWindows(clock=clock))
    seen: Counter[tuple[str, float]] = Counter()
    for name, pause in steps:
        clock.advance(pause)
        now = clock.now().timestamp()
        recent = sum(count for (who, at), count in seen.items() if who == name and at > now - 60)
        through = await windows.hit(FEW, name)
        assert through is (recent < 3)
        seen[name, now] += through
