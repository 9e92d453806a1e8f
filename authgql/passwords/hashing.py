"""Passwords are hashed with argon2id, off the event loop, no more at once than there are cores."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from math import ceil
from typing import Final, TypeVar

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type
from argon2.profiles import RFC_9106_HIGH_MEMORY, RFC_9106_LOW_MEMORY

from authgql.core.memory import give_back
from authgql.limits.service import RateLimited
from authgql.passwords.spelling import spelt

OWASP: Final = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=2, memory_cost=19456, parallelism=1
)
TESTING: Final = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)
PROFILES: Final = {
    "owasp": OWASP,
    "rfc9106-low-memory": RFC_9106_LOW_MEMORY,
    "rfc9106-high-memory": RFC_9106_HIGH_MEMORY,
    "testing": TESTING,
}
Result = TypeVar("Result")

NICENESS: Final = 15  # a thirtieth of a core while others want it, all of it otherwise

MAX_WAITING: Final = 64  # at 20 ms each the last one waits under a second on two cores


class Mismatch(Exception):  # noqa: N818 -- what happened, not a fault
    """The password is not the one that was hashed."""


class Hashing:
    """A bounded pool of threads that do nothing but argon2, which releases the interpreter lock."""

    def __init__(
        self,
        *,
        profile: str,
        on_full: Callable[[], Awaitable[None]] | None = None,
        workers: int | None = None,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._on_full = on_full
        self._hasher = PasswordHasher.from_parameters(PROFILES[profile])
        self._workers = workers or _cores()
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix="argon2", initializer=_yield_to_all)
        self._most = self._workers + max_waiting
        self._under_way = 0
        self._seconds = 0.0  # that the last one took, by which the wait is told
        self._hashed, self._holds = True, False  # since the last `rest`: nobody's; before it
        self._nobodys = self._hasher.hash("nobody's password")

    async def hash(self, password: str) -> str:
        """Hash a password that the policy accepted; raises `RateLimited` when too many are waiting."""
        return await self._run(self._hasher.hash, password)

    async def verify(self, password: str, against: str | None) -> None:
        """Raise `Mismatch` unless `password` was hashed to `against`, `RateLimited` if too many wait.

        Without a hash (an account that does not exist) it takes the same time to say no.
        """
        matches = partial(self._matches, against or self._nobodys)
        if not await self._run(matches, password) or against is None:
            raise Mismatch

    def is_outdated(self, hashed: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)

    def under_way(self) -> int:
        """Return how many passwords are being hashed, or wait for it."""
        return self._under_way

    async def rest(self) -> None:
        """Give the memory of past hashes back, if none was made since the last time.

        It is 19 MiB for each thread. Until then it is kept: with new memory a hash takes half as long again.
        """
        if self._holds and not self._hashed:
            await asyncio.get_running_loop().run_in_executor(self._pool, give_back)
        self._holds, self._hashed = self._hashed, False

    def close(self) -> None:
        """Finish what is being hashed and let the threads go."""
        self._pool.shutdown()

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[str], Result], password: str) -> Result:
        if self._under_way >= self._most:
            if self._on_full:
                await self._on_full()
            raise RateLimited(retry_after=max(1, ceil(self._most * self._seconds / self._workers)))
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, self._timed, work, spelt(password)
            )
        finally:
            self._under_way -= 1

    def _timed(self, work: Callable[[str], Result], password: str) -> Result:
        started = time.perf_counter()
        try:
            return work(password)
        finally:
            self._seconds = time.perf_counter() - started
            self._hashed = True


def _cores() -> int:
    """Return how many cores this process may use, which may be fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _yield_to_all() -> None:
    """Let this thread have what the others leave: a storm of logins must not keep requests waiting."""
    with suppress(AttributeError, OSError):  # on Linux alone threads have priorities of their own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
