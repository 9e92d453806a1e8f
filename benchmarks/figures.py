"""The figures that were promised: ratios within one round, so that a slow minute falls on both sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from benchmarks.load import Measured

BARE: Final = "bare route"
MEDIAN: Final = 0.5
TAIL: Final = 0.99

Name = tuple[str, str]  # who, and what
Rounds = Mapping[Name, Sequence[Measured]]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A ratio of every round, and what it is to be: at least, or at most, so much."""

    name: str
    ratios: Sequence[float]
    goal: float
    at_most: bool = False

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return median(self.ratios)

    @property
    def reached(self) -> bool:
        """Tell whether the median is where it is to be."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def as_row(self) -> str:
        """Lay it out as a row of a Markdown table."""
        sign, said = ("≤" if self.at_most else "≥"), ("yes" if self.reached else "no")
        low, high = min(self.ratios), max(self.ratios)
        return f"| {self.name} | {sign} {self.goal:g} | {self.value:.2f} | {low:.2f} to {high:.2f} | {said} |"

    def as_json(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "name": self.name,
            "value": self.value,
            "rounds": list(self.ratios),
            "goal": self.goal,
            "at_most": self.at_most,
            "reached": self.reached,
        }


def of_rates(rounds: Rounds, hashing: Sequence[float]) -> list[Figure]:
    """Compare rates: with the bare route, among ourselves, with argon2 alone and with the peers."""
    found = []
    for database, goal in (("PostgreSQL", 0.2), ("SQLite", 0.25)):
        me, bare = rounds[database, "me"], rounds[BARE, ""]
        found.append(Figure(name=f"`me` ÷ bare route, {database}", ratios=_rates(me, bare), goal=goal))
        refresh = rounds[database, "refresh"]
        found.append(Figure(name=f"`refresh` ÷ `me`, {database}", ratios=_rates(refresh, me), goal=0.3))
        logins = [of.per_second / alone for of, alone in zip(rounds[database, "login"], hashing, strict=True)]
        found.append(Figure(name=f"`login` ÷ argon2-cffi alone, {database}", ratios=logins, goal=0.9))
    for peer, operation in sorted(name for name in rounds if name[0] not in {BARE, "PostgreSQL", "SQLite"}):
        ratios = _rates(rounds["PostgreSQL", operation], rounds[peer, operation])
        found.append(Figure(name=f"`{operation}` ÷ {peer}, both PostgreSQL", ratios=ratios, goal=3))
    return found


def of_storm(idle: Sequence[Measured], storm: Sequence[Measured]) -> list[Figure]:
    """Compare the tail of `me` during a storm of logins with that on an idle server."""
    ratios = [
        during.percentile(TAIL) / before.percentile(TAIL) for during, before in zip(storm, idle, strict=True)
    ]
    return [Figure(name="p99 of `me` in a storm of logins ÷ idle", ratios=ratios, goal=3, at_most=True)]


def of_growth(rounds: Mapping[tuple[int, str], Sequence[Measured]]) -> list[Figure]:
    """Compare the median answer with the largest tables to that with the smallest."""
    sizes, operations = sorted({size for size, _ in rounds}), sorted({name for _, name in rounds})
    return [
        Figure(
            name=f"p50 of `{name}`, {sizes[-1]:,} sessions ÷ {sizes[0]:,}",
            ratios=[
                large.percentile(MEDIAN) / small.percentile(MEDIAN)
                for large, small in zip(rounds[sizes[-1], name], rounds[sizes[0], name], strict=True)
            ],
            goal=1.15,
            at_most=True,
        )
        for name in operations
    ]


def of_processes(starts: Mapping[str, Sequence[float]], memory: Mapping[str, float]) -> list[Figure]:
    """Say how long a start takes, in seconds, and how much memory is resident after load, in MiB."""
    found = [
        Figure(name=f"ready after start, s, {name}", ratios=taken, goal=1.0, at_most=True)
        for name, taken in starts.items()
    ]
    return found + [
        Figure(name=f"resident after load, MiB, {name}", ratios=[taken], goal=110, at_most=True)
        for name, taken in memory.items()
    ]


def _rates(ones: Sequence[Measured], others: Sequence[Measured]) -> list[float]:
    return [one.per_second / other.per_second for one, other in zip(ones, others, strict=True)]


def curves(rounds: Mapping[tuple[int, str], Sequence[Measured]]) -> dict[str, dict[int, float]]:
    """Return each operation's median answer, in milliseconds, by size."""
    found: dict[str, dict[int, float]] = {}
    for (size, name), of in rounds.items():
        found.setdefault(name, {})[size] = median(one.percentile(MEDIAN) for one in of)
    return found
