"""How fast authgql is on this machine: `python benchmarks/run.py`, and read `benchmarks/README.md`."""

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import report, scenes, servers
from benchmarks.load import Conversation, Measured, measure

WARM_UP_SECONDS: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how hard; `server_core` is None where there is one core for everything."""

    seconds: float
    rounds: int
    connections: int
    starts: int
    server_core: int | None
    load_core: int | None


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A server under test and what is asked of it, by name."""

    server: servers.Server
    asked: Mapping[str, Sequence[Conversation]]


def main() -> None:
    """Measure and print."""
    plan, cores = _plan(), sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        databases = {
            "SQLite": f"sqlite://{directory}/authgql.db",
            "PostgreSQL": stack.enter_context(servers.postgres()),
        }
        starts = {name: _cold_starts(plan, directory / name, url) for name, url in databases.items()}
        bare = stack.enter_context(servers.yardstick(directory, core=plan.server_core))
        stack.enter_context(servers.pinned(plan.load_core))
        subjects = {}
        for name, url in databases.items():
            server = stack.enter_context(servers.authgql(directory / name, url, core=plan.server_core))
            subjects[name] = Subject(server=server, asked=scenes.prepare(server.port, plan.connections))
        yardstick, operations = _rounds(plan, bare, subjects)
        memory = {name: subject.server.mebibytes for name, subject in subjects.items()}
    print(report.circumstances(yardstick, cores, plan.connections, plan.seconds), end="\n\n")
    print(report.table(yardstick, operations), end="\n\n")
    print(report.processes(starts, memory))


def _plan() -> Plan:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="length of a measurement (default: 2)")
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each kind (default: 7)")
    parser.add_argument("--connections", type=int, default=16, help="kept open (default: 16)")
    parser.add_argument("--starts", type=int, default=5, help="cold starts (default: 5)")
    given = parser.parse_args()
    cores: list[int | None] = [*sorted(os.sched_getaffinity(0))]
    server_core, load_core = cores[:2] if len(cores) > 1 else (None, None)
    return Plan(**vars(given), server_core=server_core, load_core=load_core)


def _cold_starts(plan: Plan, directory: Path, database_url: str) -> list[float]:
    servers.migrate(directory, database_url)
    times = []
    for _ in range(plan.starts):
        with servers.authgql(directory, database_url, core=plan.server_core) as server:
            times.append(server.started_in)
    return times


def _rounds(
    plan: Plan, bare: servers.Server, subjects: Mapping[str, Subject]
) -> tuple[list[Measured], dict[tuple[str, str], list[Measured]]]:
    """Measure in turn, so that whatever else the machine does falls on everything alike."""
    nothing = scenes.bare(plan.connections)
    yardstick: list[Measured] = []
    names = [(database, name) for database, subject in subjects.items() for name in subject.asked]
    operations: dict[tuple[str, str], list[Measured]] = {name: [] for name in names}
    _warm_up(bare, nothing, subjects)
    for _ in range(plan.rounds):
        yardstick.append(_measure(bare, nothing, plan.seconds))
        for (database, name), measured in operations.items():
            subject = subjects[database]
            measured.append(_measure(subject.server, subject.asked[name], plan.seconds))
    return yardstick, operations


def _warm_up(bare: servers.Server, nothing: Sequence[Conversation], subjects: Mapping[str, Subject]) -> None:
    _measure(bare, nothing, WARM_UP_SECONDS)
    for subject in subjects.values():
        for conversations in subject.asked.values():
            _measure(subject.server, conversations, WARM_UP_SECONDS)


def _measure(server: servers.Server, asked: Sequence[Conversation], seconds: float) -> Measured:
    return measure(server.port, asked, seconds=seconds, server_time=server.processor_seconds)


if __name__ == "__main__":
    main()
