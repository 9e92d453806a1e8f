"""How fast authgql is, beside a bare route and its fastest peers: `make bench`, and see `README.md`."""

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from benchmarks import figures, growth, hashing, peers, plot, proofs, report, scenes, servers, signatures
from benchmarks.figures import BARE, Figure, Name
from benchmarks.load import Conversation, Measured, measure
from benchmarks.quiet import Busy, Watch, watched

HERE: Final = Path(__file__).parent
PARTS: Final = ("rates", "storm", "growth", "starts", "signatures")
WARM_UP_SECONDS: Final = 0.5
REST_SECONDS: Final = 6  # until the memory of the last hashes is given back
OTHERS: Final = 10_000  # sessions besides those that are asked for, on PostgreSQL
STORM_CONNECTIONS: Final = 4  # of `me`, while twice as many log in
BETWEEN: Final = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- /measured -->)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how hard; the cores are None where there is one for everything."""

    parts: Sequence[str]
    seconds: float
    rounds: int
    connections: int
    starts: int
    largest: int
    noisy: bool
    write: bool
    server_core: int | None
    load_core: int | None


@dataclass(kw_only=True)
class Run:
    """One run: where it happens, and what came of it."""

    plan: Plan
    watch: Watch
    directory: Path
    urls: Mapping[str, str]
    figures: list[Figure] = field(default_factory=list)
    rounds: dict[Name, list[Measured]] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)
    drawing: str = ""


def main() -> None:
    """Measure, print and, if asked to, write it down."""
    plan = _plan()
    try:
        with watched(noisy=plan.noisy) as watch, ExitStack() as stack:
            run = _measured(plan, watch, stack)
    except Busy as refusal:
        sys.exit(str(refusal))
    cores = len(os.sched_getaffinity(0))
    said = report.circumstances(cores, plan.connections, plan.rounds, plan.seconds, watch.complaint())
    tables = [said, report.goals(run.figures), report.rates(run.rounds)]
    text = "\n\n".join([*tables, *([report.signatures(run.costs)] if run.costs else [])])
    print(text)
    if plan.write:
        _write(text, run, report.for_machines(said, run.figures, run.rounds, run.costs))


def _plan() -> Plan:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what to measure (all)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a measurement (1.5)")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each kind (5)")
    parser.add_argument("--connections", type=int, default=16, help="kept open (16)")
    parser.add_argument("--starts", type=int, default=5, help="cold starts (5)")
    parser.add_argument(
        "--largest", type=int, default=1_000_000, help="sessions in the largest table (1000000)"
    )
    parser.add_argument("--noisy", action="store_true", help="measure on a busy machine, and say so")
    parser.add_argument(
        "--write", action="store_true", help="write README's tables, the plot and the JSON file"
    )
    given = parser.parse_args()
    cores: list[int | None] = [*sorted(os.sched_getaffinity(0))]
    server_core, load_core = cores[:2] if len(cores) > 1 else (None, None)
    return Plan(**vars(given), server_core=server_core, load_core=load_core)


def _measured(plan: Plan, watch: Watch, stack: ExitStack) -> Run:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    postgres = stack.enter_context(servers.postgres())
    urls = {"PostgreSQL": postgres, "SQLite": f"sqlite://{directory}/authgql.db"}
    run = Run(plan=plan, watch=watch, directory=directory, urls=urls)
    if "signatures" in plan.parts:
        with servers.pinned(plan.server_core):
            run.costs = signatures.costs()
    for name, url in urls.items():
        servers.migrate(directory / name, url)
    starts = {name: _starts(run, name) for name in urls} if "starts" in plan.parts else {}
    if {"rates", "storm"} & {*plan.parts}:
        memory = _rates_and_storm(run)
        run.figures += figures.of_processes(starts, memory)
    if "growth" in plan.parts:
        _growth(run)
    return run


def _starts(run: Run, name: str) -> list[float]:
    times = []
    for _ in range(run.plan.starts):
        with servers.authgql(run.directory / name, run.urls[name], core=run.plan.server_core) as server:
            times.append(server.started_in)
    return times


def _rates_and_storm(run: Run) -> dict[str, float]:
    plan, core = run.plan, run.plan.server_core
    with ExitStack() as stack:
        ours = {
            name: stack.enter_context(servers.authgql(run.directory / name, url, core=core))
            for name, url in run.urls.items()
        }
        asked = {name: scenes.prepare(server.port, plan.connections) for name, server in ours.items()}
        growth.fill(run.urls["PostgreSQL"], OTHERS)
        if "rates" in plan.parts:
            _rates(run, stack, ours, asked)
        if "storm" in plan.parts:
            _storm(run, ours["PostgreSQL"], asked["PostgreSQL"])
        time.sleep(REST_SECONDS)
        return {name: server.mebibytes for name, server in ours.items()}


def _rates(
    run: Run,
    stack: ExitStack,
    ours: Mapping[str, servers.Server],
    asked: Mapping[str, Mapping[str, Sequence[Conversation]]],
) -> None:
    plan, core = run.plan, run.plan.server_core
    bare = stack.enter_context(servers.yardstick(run.directory, core=core))
    series: dict[Name, tuple[servers.Server, Sequence[Conversation]]] = {
        (BARE, ""): (bare, scenes.bare(plan.connections))
    }
    series |= {(who, what): (ours[who], said) for who, all_ in asked.items() for what, said in all_.items()}
    series |= {
        (who, "me, with DPoP"): (server, proofs.ask(server.port, plan.connections))
        for who, server in ours.items()
    }
    peers.install()
    for who, (serve, ask) in PEERS.items():
        url = servers.create_database(run.urls["PostgreSQL"], who)
        peer = stack.enter_context(serve(run.directory, url, core=core))
        series |= {(who, what): (peer, said) for what, said in ask(peer.port, plan.connections).items()}
        servers.settle(url)
    alone: list[float] = []
    _warm_up(run, series.values())
    for _ in range(plan.rounds):
        alone.append(hashing.per_second(plan.seconds, core=core))
        for name, (server, said) in series.items():
            run.rounds.setdefault(name, []).append(_measure(run, server, said))
    run.figures += figures.of_rates(run.rounds, alone)


def _storm(run: Run, server: servers.Server, asked: Mapping[str, Sequence[Conversation]]) -> None:
    me, login = asked["me"][:STORM_CONNECTIONS], asked["login"][: 2 * STORM_CONNECTIONS]
    idle, storm = [], []
    for _ in range(run.plan.rounds):
        idle.append(_measure(run, server, me))
        storm.append(_measure(run, server, me, beside=login))
    run.rounds["PostgreSQL, idle", "me"], run.rounds["PostgreSQL, storm", "me"] = idle, storm
    run.figures += figures.of_storm(idle, storm)


def _growth(run: Run) -> None:
    plan, rounds = run.plan, dict[tuple[int, str], list[Measured]]()
    sizes = [size for size in growth.SIZES if size <= plan.largest]
    with growth.grown(
        run.directory,
        run.urls["PostgreSQL"],
        core=plan.server_core,
        connections=plan.connections,
        sizes=sizes,
    ) as found:
        series = {
            (size, what): (of, said) for size, (of, all_) in found.items() for what, said in all_.items()
        }
        _warm_up(run, series.values())
        for _ in range(plan.rounds):
            for name, (server, said) in series.items():
                rounds.setdefault(name, []).append(_measure(run, server, said))
    run.figures += figures.of_growth(rounds)
    run.rounds |= {(f"{size:,} sessions", what): of for (size, what), of in rounds.items()}
    run.drawing = plot.drawing(figures.curves(rounds))


def _warm_up(run: Run, series: Iterable[tuple[servers.Server, Sequence[Conversation]]]) -> None:
    for server, said in series:
        _measure(run, server, said, seconds=WARM_UP_SECONDS)


def _measure(
    run: Run,
    server: servers.Server,
    said: Sequence[Conversation],
    *,
    beside: Sequence[Conversation] = (),
    seconds: float = 0,
) -> Measured:
    run.watch.look()  # before every measurement: a run that was quiet only at its start is not quiet
    with servers.pinned(run.plan.load_core):
        return measure(
            server.port,
            said,
            seconds=seconds or run.plan.seconds,
            server_time=server.processor_seconds,
            beside=beside,
        )


def _write(text: str, run: Run, everything: object) -> None:
    readme = HERE / "README.md"
    readme.write_text(BETWEEN.sub(lambda _: f"\n{text}\n\n", readme.read_text()))
    (HERE / "result.json").write_bytes(orjson.dumps(everything, option=orjson.OPT_INDENT_2) + b"\n")
    if run.drawing:
        (HERE / "growth.svg").write_text(run.drawing)


PEERS: Final = {
    peers.BETTER_AUTH: (peers.better_auth, peers.ask_better_auth),
    peers.FASTAPI_USERS: (peers.fastapi_users, peers.ask_fastapi_users),
}

if __name__ == "__main__":
    main()
