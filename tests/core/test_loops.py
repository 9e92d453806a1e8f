import asyncio

import pytest
import structlog
from structlog.testing import capture_logs

from authgql.core import loops
from authgql.core.loops import Loop, Loops


@pytest.fixture(autouse=True)
def _log_as_configured_by_nobody() -> None:
    structlog.reset_defaults()


class Rounds:
    """Counts rounds, and fails in those that are told."""

    def __init__(self, *failures: Exception) -> None:
        self.done = 0
        self._failures = list(failures)
        self._unseen = asyncio.Semaphore(0)

    async def work(self) -> None:
        self.done += 1
        self._unseen.release()
        if self._failures:
            raise self._failures.pop(0)

    async def see(self, count: int) -> None:
        """Wait for so many rounds more."""
        async with asyncio.timeout(5):
            for _ in range(count):
                await self._unseen.acquire()


async def test_a_loop_works_at_the_start_and_then_at_its_interval() -> None:
    rounds = Rounds()
    running = Loops([Loop(name="test", interval=0.01, work=rounds.work)])
    running.start()
    await rounds.see(3)
    await running.stop()
    assert rounds.done >= 3


async def test_a_loop_that_is_woken_does_not_wait_for_its_interval() -> None:
    rounds = Rounds()
    loop = Loop(name="test", interval=3600, work=rounds.work)
    running = Loops([loop])
    running.start()
    await rounds.see(1)
    loop.wake()
    await rounds.see(1)
    await running.stop()


async def test_a_loop_woken_during_its_round_works_once_more() -> None:
    rounds = Rounds()

    async def work() -> None:
        await rounds.work()
        if rounds.done == 1:
            loop.wake()

    loop = Loop(name="test", interval=3600, work=work)
    running = Loops([loop])
    running.start()
    await rounds.see(2)
    await running.stop()
    assert rounds.done == 2


async def test_a_failed_round_is_logged_and_the_next_one_comes_in_its_time() -> None:
    rounds = Rounds(KeyError("a mistake"), ConnectionRefusedError())
    with capture_logs() as log:
        running = Loops([Loop(name="test", interval=0.001, work=rounds.work)])
        running.start()
        await rounds.see(3)
        await running.stop()
    mistake, away = log
    assert (mistake["event"], mistake["loop"], mistake["error"]) == ("loop.failed", "test", "KeyError")
    assert (mistake["exc_info"], away["exc_info"]) == (True, False)


async def test_stopping_lets_a_round_finish() -> None:
    done = []

    async def work() -> None:
        await asyncio.sleep(0.05)
        done.append("whole")

    running = Loops([Loop(name="test", interval=3600, work=work)])
    running.start()
    await asyncio.sleep(0)
    await running.stop()
    assert done == ["whole"]


async def test_stopping_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "PATIENCE_SECONDS", 0.01)
    running = Loops([Loop(name="test", interval=3600, work=asyncio.Event().wait)])
    running.start()
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await running.stop()


async def test_stopping_what_was_never_started_is_nothing() -> None:
    await Loops([Loop(name="test", interval=1, work=asyncio.Event().wait)]).stop()
