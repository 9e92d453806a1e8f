"""What happens is counted under names that no client chooses, so that nobody can make the metrics grow."""

from collections.abc import Callable
from functools import cache
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """Counters for Prometheus, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "authgql_requests",
            "HTTP requests, by the GraphQL operation's type (none: another path, or nothing that could run).",
            ("operation", "outcome"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "authgql_request_seconds",
            "How long requests took.",
            ("operation",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._events = Counter(
            "authgql_security_events",
            "Rows of the trail by their kind: sessions that began and ended, refusals of every sort.",
            ("kind",),
            registry=self.registry,
        )
        # The library looks them up under a lock, at each request
        self._count = cache(self._requests.labels)
        self._time = cache(self._seconds.labels)
        self._event = cache(self._events.labels)

    def request(self, *, operation: str, outcome: str, seconds: float) -> None:
        """Count a request; `operation` is a type and never a name, which clients choose."""
        self._count(operation, outcome).inc()
        self._time(operation).observe(seconds)

    def event(self, kind: str) -> None:
        """Count a security event."""
        self._event(kind).inc()

    def gauge(self, name: str, meaning: str, read: Callable[[], int]) -> None:
        """Show a figure that is read whenever Prometheus asks, in another thread."""
        Gauge(f"authgql_{name}", meaning, registry=self.registry).set_function(read)
