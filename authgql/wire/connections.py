"""There are only so many connections, and nobody keeps one by not using it."""

from collections import Counter
from collections.abc import Hashable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, Protocol

import structlog
from uvicorn.server import ServerState

from authgql.wire.refusals import Refusals

SWEEP_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class Connection(Protocol):
    """What is known here of a connection."""

    def check(self, now: float) -> None:
        """End it if one of its deadlines is over; `now` is the event loop's time in seconds."""
        ...

    def make_room(self) -> None:
        """End it although it is in time."""
        ...


class Connections(ServerState):
    """uvicorn's state, with ceilings: for the process, and for one client network (0: none).

    A full server ends the connection that has kept it waiting longest, so that silent connections,
    however many, lock nobody out; it refuses only when every connection has a request under way.
    """

    def __init__(
        self,
        *,
        ceiling: int,
        per_client: int,
        trusted_proxies: Sequence[IPv4Network | IPv6Network],
        refusals: Refusals,
    ) -> None:
        super().__init__()
        self.refusals = refusals
        self._ceiling = ceiling
        self._per_client = per_client
        self._trusted_proxies = trusted_proxies
        self._all: dict[Connection, Hashable] = {}
        self._waiting: dict[Connection, None] = {}  # for their client's next bytes, longest first
        self._of_client: Counter[Hashable] = Counter()
        self._refused = 0
        self._swept = 0.0

    def admit(self, connection: Connection, host: str) -> bool:
        """Count a new connection, and tell whether it may stay."""
        client = self._client(host)
        self._all[connection] = client
        self._of_client[client] += 1
        if (client is not None and 0 < self._per_client < self._of_client[client]) or not self._has_room():
            self._refused += 1
            return False
        self._waiting[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        """Stop counting a connection that has ended."""
        client = self._all.pop(connection)
        self._waiting.pop(connection, None)
        self._of_client[client] -= 1
        if not self._of_client[client]:
            del self._of_client[client]

    def wait_for(self, connection: Connection) -> None:
        """Note that a connection waits for its client from now on."""
        self._waiting.pop(connection, None)
        self._waiting[connection] = None

    def has_come(self, connection: Connection) -> None:
        """Note that a connection's request is complete."""
        self._waiting.pop(connection, None)

    def open(self) -> int:
        """Return how many there are."""
        return len(self._all)

    def sweep(self, now: float) -> None:
        """End, once a second, whatever is late; `now` is the event loop's time in seconds."""
        if now < self._swept + SWEEP_SECONDS:
            return
        self._swept = now
        for connection in list(self._all):
            connection.check(now)
        if self._refused:  # one line for a second of them: a flood must not become a flood of the log
            log.warning("connections.refused", count=self._refused, open=len(self._all))
            self._refused = 0

    def _has_room(self) -> bool:
        if len(self._all) <= self._ceiling:
            return True
        longest = next(iter(self._waiting), None)
        if longest is None:
            return False
        del self._waiting[longest]
        longest.make_room()
        return True

    def _client(self, host: str) -> Hashable:
        """Return a client's IPv4 address or IPv6 /64 network; None for those who speak for many."""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:  # a Unix socket
            return None
        if isinstance(address, IPv6Address):
            address = address.ipv4_mapped or address
        if any(address in network for network in self._trusted_proxies):
            return None
        return int(address) >> 64 if isinstance(address, IPv6Address) else address
