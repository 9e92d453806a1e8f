import asyncio
import os
import threading
from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher

from authgql.limits.service import RateLimited
from authgql.passwords.hashing import PROFILES, Hashing, Mismatch

WORDS = "violet-harbour-umbrella-27"


@pytest.fixture
def hashing() -> Iterator[Hashing]:
    hashing = Hashing(profile="testing", workers=2, max_waiting=3)
    yield hashing
    hashing.close()


async def test_the_password_that_was_hashed_matches_and_no_other(hashing: Hashing) -> None:
    hashed = await hashing.hash(WORDS)
    await hashing.verify(WORDS, hashed)
    for other in (f"{WORDS} ", WORDS.upper(), "", f"{WORDS}\0"):
        with pytest.raises(Mismatch):
            await hashing.verify(other, hashed)


async def test_two_hashes_of_one_password_differ(hashing: Hashing) -> None:
    assert await hashing.hash(WORDS) != await hashing.hash(WORDS)


@pytest.mark.parametrize(("chosen", "typed"), [("caf\u00e9", "cafe\u0301"), ("cafe\u0301", "caf\u00e9")])
async def test_composed_and_decomposed_accents_are_one_password(
    hashing: Hashing, chosen: str, typed: str
) -> None:
    await hashing.verify(typed, await hashing.hash(chosen))


async def test_compatibility_forms_are_not_one_password(hashing: Hashing) -> None:
    with pytest.raises(Mismatch):
        await hashing.verify("finn", await hashing.hash("ﬁnn"))


@pytest.mark.parametrize("password", ["nobody's password", WORDS])
async def test_nobody_has_no_password(hashing: Hashing, password: str) -> None:
    with pytest.raises(Mismatch):
        await hashing.verify(password, None)


@pytest.mark.parametrize("stored", ["", "x", "$argon2id$v=19$m=8,t=1,p=1$", "$2b$12$abcdefghijklmnopqrstuv"])
async def test_what_is_no_argon2_hash_matches_nothing(hashing: Hashing, stored: str) -> None:
    with pytest.raises(Mismatch):
        await hashing.verify(stored, stored)


async def test_a_hash_by_other_parameters_is_valid_and_outdated(hashing: Hashing) -> None:
    older = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1).hash(WORDS)
    await hashing.verify(WORDS, older)
    assert hashing.is_outdated(older)
    assert not hashing.is_outdated(await hashing.hash(WORDS))


async def test_who_comes_when_too_many_wait_is_told_to_come_back(hashing: Hashing) -> None:
    results = await asyncio.gather(*(hashing.hash(WORDS) for _ in range(9)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, RateLimited)]
    assert len(refused) == 4  # two at work and three in line
    assert refused[0].retry_after == 1
    await hashing.hash(WORDS)


async def test_who_gives_up_waiting_leaves_the_line(hashing: Hashing) -> None:
    for _ in range(10):
        task = asyncio.create_task(hashing.hash(WORDS))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await hashing.hash(WORDS)


@pytest.mark.parametrize(
    ("profile", "memory", "passes", "lanes"),
    [
        ("owasp", 19456, 2, 1),
        ("rfc9106-low-memory", 65536, 3, 4),
        ("rfc9106-high-memory", 2097152, 1, 4),
        ("testing", 8, 1, 1),
    ],
)
def test_the_profiles_are_those_of_the_contract(profile: str, memory: int, passes: int, lanes: int) -> None:
    parameters = PROFILES[profile]
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (memory, passes, lanes)
    assert parameters.type.name == "ID"


async def test_hashing_leaves_the_processor_to_whoever_wants_it(hashing: Hashing) -> None:
    await hashing.hash(WORDS)
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("argon2")]
    assert threads
    ours = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert all(os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) > ours for thread in threads)


def test_there_are_as_many_threads_as_cores_that_the_process_may_use() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        hashing = Hashing(profile="testing")
        assert hashing._workers == 1  # noqa: SLF001 -- what is told nowhere else
        hashing.close()
    finally:
        os.sched_setaffinity(0, allowed)
