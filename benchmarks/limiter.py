"""A flood of names against the limits' memory: `python benchmarks/limiter.py`, and read `README.md`."""

import argparse
import asyncio
import os
import time

import psutil
from limits import RateLimitItemPerMinute
from limits.aio.strategies import MovingWindowRateLimiter

from authgql.core.clock import Clock
from authgql.limits.memory import CAPACITY, MemoryWindows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000, help="distinct keys (default: 1000000)")
    asyncio.run(_flood(parser.parse_args().keys))


async def _flood(keys: int) -> None:
    windows, figure = MovingWindowRateLimiter(MemoryWindows(clock=Clock())), RateLimitItemPerMinute(10)
    before, began, longest, tenth = _mebibytes(), time.perf_counter(), 0.0, max(keys // 10, 1)
    print(f"At most {CAPACITY:,} keys are kept.\n\n| distinct keys | more memory, MiB |\n|---:|---:|")
    for number in range(keys):
        started = time.perf_counter()
        await windows.hit(figure, "login", "account", f"{number:064x}")
        longest = max(longest, time.perf_counter() - started)
        if (number + 1) % tenth == 0:
            print(f"| {number + 1:,} | {_mebibytes() - before:.1f} |")
    each = (time.perf_counter() - began) / keys
    print(f"\n{each * 1e6:.1f} µs for an attempt, the longest {longest * 1e3:.1f} ms")


def _mebibytes() -> float:
    resident: int = psutil.Process(os.getpid()).memory_info().rss
    return resident / 2**20


if __name__ == "__main__":
    main()
