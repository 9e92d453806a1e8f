"""Whether the time of an answer tells two requests apart, on a machine that has other things to do."""

import random
import time
from collections.abc import Awaitable, Callable, Sequence
from math import sqrt
from statistics import NormalDist, median

ROUNDS = 3  # what chance brings about in one round of a hundred, it does in one triple of a million
SIGNIFICANT = 0.01
TELLING_SECONDS = 0.0002  # less is lost on any network, and with it the case for another round

Request = Callable[[], Awaitable[object]]


async def told_apart(one: Request, other: Request, *, pairs: int) -> str:
    """Return how the two differ, if they do round after round, by Mann and Whitney's test; else nothing.

    They take turns, so that whatever else slows the machine slows both; who goes first is left to chance,
    because disks and schedulers have rhythms too.
    """
    found = ""
    for _ in range(ROUNDS):
        ones, others = await _sample(one, other, pairs)
        gap = median(ones) - median(others)
        chance = mann_whitney(ones, others)
        if chance > SIGNIFICANT or abs(gap) < TELLING_SECONDS:
            return ""
        found = f"medians {median(ones) * 1e3:.3f} ms and {median(others) * 1e3:.3f} ms, p = {chance:.1g}"
    return found


async def _sample(one: Request, other: Request, pairs: int) -> tuple[list[float], list[float]]:
    times: tuple[list[float], list[float]] = ([], [])
    both = list(zip((one, other), times, strict=True))
    for _ in range(pairs):
        random.shuffle(both)
        for request, taken in both:
            start = time.perf_counter()
            await request()
            taken.append(time.perf_counter() - start)
    return times


def mann_whitney(ones: Sequence[float], others: Sequence[float]) -> float:
    """Return the two-sided p-value of the U test, by its normal approximation; times have no ties."""
    ranked = sorted([(value, True) for value in ones] + [(value, False) for value in others])
    ranks = sum(rank for rank, (_, is_one) in enumerate(ranked, 1) if is_one)
    n, m = len(ones), len(others)
    u = ranks - n * (n + 1) / 2
    z = (u - n * m / 2) / sqrt(n * m * (n + m + 1) / 12)
    return 2 * NormalDist().cdf(-abs(z))
