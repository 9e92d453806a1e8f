"""A figure counts only if the machine had nothing else to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any, Final

import psutil

LOOK_SECONDS: Final = 0.15
MAX_BUSY: Final = 0.1  # of one core, by others
MAX_STOLEN: Final = 0.03  # of all cores, by other machines on the same metal


class Busy(Exception):  # noqa: N818 -- what the machine is
    """The machine was busy with other things."""


@dataclass
class Watch:
    """How busy others kept the machine: looked at while nothing of ours runs."""

    looks: list[float] = field(default_factory=list)
    stolen: float = 0.0

    def look(self) -> None:
        """Measure what others use while we wait; in cores."""
        before, began = _times(), time.perf_counter()
        time.sleep(LOOK_SECONDS)
        busy, _ = _since(before)
        self.looks.append(busy / (time.perf_counter() - began))

    @property
    def busy(self) -> float:
        """What others used, in cores, in the busiest quarter of the looks: noise comes in bursts."""
        return quantiles(self.looks, n=4)[2]

    def complaint(self) -> str:
        """Return why the figures say little, or nothing."""
        if self.busy <= MAX_BUSY and self.stolen <= MAX_STOLEN:
            return ""
        return f"others used {self.busy:.0%} of a core, {self.stolen:.1%} of the time was stolen"


@contextmanager
def watched(*, noisy: bool) -> Iterator[Watch]:
    """Watch the machine from before the run to its end; raises `Busy`, unless noise is allowed."""
    watch = Watch()
    for _ in range(5):
        watch.look()
    _refuse(watch, noisy=noisy)
    before = _times()
    yield watch
    _, watch.stolen = _since(before)
    _refuse(watch, noisy=noisy)


def _refuse(watch: Watch, *, noisy: bool) -> None:
    if watch.complaint() and not noisy:
        raise Busy(f"Not measured: {watch.complaint()}. `--noisy` measures all the same, and says so.")


def _times() -> Any:  # noqa: ANN401 -- psutil ships no types
    return psutil.cpu_times()


def _since(before: Any) -> tuple[float, float]:  # noqa: ANN401 -- the same
    """Return the seconds that all cores were busy since, and the share that was stolen."""
    after = _times()
    spent = {name: getattr(after, name) - getattr(before, name) for name in after._fields}
    idle = spent["idle"] + spent["iowait"]
    counted = sum(spent[name] for name in spent if not name.startswith("guest"))  # they are within `user`
    return counted - idle, spent["steal"] / max(counted, 0.01)
