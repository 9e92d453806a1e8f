"""The report: medians of the rounds, and each operation as a share of the yardstick in the same round."""

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Final

from benchmarks.load import Measured

PACKAGES: Final = ("authgql", "strawberry-graphql", "graphql-core", "tortoise-orm", "starlette", "uvicorn")
MEDIAN: Final = 0.5
TAIL: Final = 0.99

Rounds = Sequence[Measured]


def table(yardstick: Rounds, operations: Mapping[tuple[str, str], Rounds]) -> str:
    """Lay the figures out as Markdown; `operations` are named by database and operation."""
    rows = [
        "| operation | database | per second | lowest, highest | share | p50 ms | p99 ms | work ms |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
        _row("yardstick: a bare JSON route", "none", yardstick, yardstick),
        *(_row(f"`{name}`", database, of, yardstick) for (database, name), of in operations.items()),
    ]
    return "\n".join(rows)


def processes(starts: Mapping[str, Sequence[float]], memory: Mapping[str, float]) -> str:
    """Lay out cold start and memory."""
    rows = [
        "| database | cold start, s | resident after load, MiB |",
        "|---|---:|---:|",
        *(f"| {database} | {median(starts[database]):.2f} | {memory[database]:.0f} |" for database in memory),
    ]
    return "\n".join(rows)


def circumstances(yardstick: Rounds, cores: Sequence[int], connections: int, seconds: float) -> str:
    """Say what was measured with what."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {versions}; {len(cores)} cores, "
        f"{connections} connections, {len(yardstick)} rounds of {seconds:g} s. At the yardstick the load was "
        f"busy for {median(of.load_share for of in yardstick):.0%} of its core."
    )


def _row(name: str, database: str, rounds: Rounds, yardstick: Rounds) -> str:
    share = median(of.per_second / bare.per_second for of, bare in zip(rounds, yardstick, strict=True))
    figures = (
        f"{median(of.per_second for of in rounds):,.0f}",
        f"{min(of.per_second for of in rounds):,.0f} to {max(of.per_second for of in rounds):,.0f}",
        f"{share:.3f}",
        f"{median(of.percentile(MEDIAN) for of in rounds):.1f}",
        f"{median(of.percentile(TAIL) for of in rounds):.1f}",
        f"{median(of.work for of in rounds):.3f}",
    )
    return f"| {name} | {database} | " + " | ".join(figures) + " |"
