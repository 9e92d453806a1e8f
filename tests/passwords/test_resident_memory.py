"""A worker holds the memory of its hashes while passwords come, and not when they have stopped coming."""

import subprocess
import sys
from typing import Final

import pytest

from authgql.core import memory

WORKERS: Final = 2
MEBIBYTES_EACH: Final = 19

SCRIPT: Final = f"""
import asyncio
from pathlib import Path

from authgql.core.memory import keep_until_asked
from authgql.passwords.hashing import Hashing


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 // 2**20


async def main():
    keep_until_asked()
    hashing = Hashing(profile="owasp", workers={WORKERS})
    await hashing.rest()
    print(resident())
    await hashing.rest()
    print(resident())
    for _ in range(3):
        await asyncio.gather(*(hashing.hash("violet-harbour") for _ in range({WORKERS})))
    for _ in range(3):
        print(resident())
        await hashing.rest()
    hashing.close()


asyncio.run(main())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have other heaps")
def test_the_memory_of_hashes_is_given_back_once_they_stop_coming() -> None:
    command = [sys.executable, "-c", SCRIPT]
    said = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 -- our own words
    started, unused, busy, still_warm, at_rest = map(int, said.stdout.split())
    assert unused < started - MEBIBYTES_EACH * 3 / 4
    assert still_warm > busy - MEBIBYTES_EACH // 2
    assert at_rest < busy - WORKERS * MEBIBYTES_EACH * 3 / 4


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    memory.keep_until_asked()
    memory.give_back()
