"""What argon2-cffi does alone: one thread, one password after the other, and how many it did per second."""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from argon2 import PasswordHasher

from authgql.passwords.hashing import OWASP
from benchmarks.servers import pinned

PASSWORD: Final = "violet-harbour-umbrella-27"  # noqa: S105 -- opens nothing but a benchmark's database


def per_second(seconds: float, *, core: int | None) -> float:
    """Measure it in a process of its own, on the core that a server would have."""
    command = [sys.executable, str(Path(__file__)), "--seconds", str(seconds)]
    with pinned(core):
        done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 -- this file
    return float(done.stdout)


def main() -> None:
    """Verify, as a login does, for so long."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, required=True)
    seconds = parser.parse_args().seconds
    hasher = PasswordHasher.from_parameters(OWASP)
    hashed = hasher.hash(PASSWORD)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        hasher.verify(hashed, PASSWORD)
        count += 1
    print(count / (time.perf_counter() - began))


if __name__ == "__main__":
    main()
