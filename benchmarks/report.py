"""The report: for people as Markdown, for machines as JSON."""

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Any, Final

from benchmarks.figures import MEDIAN, TAIL, Figure, Rounds
from benchmarks.load import Measured

PACKAGES: Final = (
    *("authgql", "strawberry-graphql", "graphql-core", "tortoise-orm", "asyncpg", "starlette", "uvicorn"),
    *("uvloop", "httptools", "cryptography", "argon2-cffi"),
)


def circumstances(cores: int, connections: int, rounds: int, seconds: float, noise: str) -> str:
    """Say what was measured with what, and how far it is to be believed."""
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    said = (
        f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {versions}; {cores} cores, "
        f"{connections} connections, {rounds} rounds of {seconds:g} s."
    )
    return f"{said} **Noisy: {noise}.**" if noise else said


def goals(figures: Sequence[Figure]) -> str:
    """Lay out the figures that were promised."""
    head = "| figure | goal | median | lowest to highest | reached |\n|---|---:|---:|---:|---|\n"
    return head + "\n".join(figure.as_row() for figure in figures)


def rates(rounds: Rounds) -> str:
    """Lay out what was measured, in absolute terms."""
    head = (
        "| who | operation | per second | lowest to highest | p50 ms | p99 ms | work ms |\n"
        "|---|---|---:|---:|---:|---:|---:|\n"
    )
    return head + "\n".join(_rate(who, what, of) for (who, what), of in rounds.items())


def signatures(costs: Mapping[str, float]) -> str:
    """Lay out what signatures cost."""
    rows = "\n".join(f"| {name} | {cost:.1f} |" for name, cost in costs.items())
    return f"| signature | µs |\n|---|---:|\n{rows}"


def for_machines(said: str, figures: Sequence[Figure], rounds: Rounds, costs: Mapping[str, float]) -> Any:  # noqa: ANN401 -- JSON
    """Return everything."""
    return {
        "circumstances": said,
        "figures": [figure.as_json() for figure in figures],
        "measured": [
            {"who": who, "operation": what, "rounds": [_numbers(one) for one in of]}
            for (who, what), of in rounds.items()
        ],
        "signatures": dict(costs),
    }


def _numbers(one: Measured) -> dict[str, float]:
    return {
        "per_second": one.per_second,
        "p50_ms": one.percentile(MEDIAN),
        "p99_ms": one.percentile(TAIL),
        "work_ms": one.work,
        "load_share": one.load_share,
    }


def _rate(who: str, what: str, rounds: Sequence[Measured]) -> str:
    columns = (
        f"{median(of.per_second for of in rounds):,.0f}",
        f"{min(of.per_second for of in rounds):,.0f} to {max(of.per_second for of in rounds):,.0f}",
        f"{median(of.percentile(MEDIAN) for of in rounds):.1f}",
        f"{median(of.percentile(TAIL) for of in rounds):.1f}",
        f"{median(of.work for of in rounds):.3f}",
    )
    return f"| {who} | {f'`{what}`' if what else ''} | " + " | ".join(columns) + " |"
