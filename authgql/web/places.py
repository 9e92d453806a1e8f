"""No account and no network holds more live connections to this process than its share."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from uuid import UUID

from authgql.core.networks import network


class NoPlace(Exception):  # noqa: N818 -- what is the matter
    """All places of an account or a network are taken; one may be free later."""


class Place:
    """One connection's place: of its network from the start, of its account once that is known."""

    def __init__(self, accounts: Counter[Hashable], limit: int) -> None:
        self._accounts = accounts
        self._limit = limit
        self._account: UUID | None = None

    def give_to(self, account_id: UUID) -> None:
        """Count it as the account's; raises `NoPlace`."""
        if self._accounts[account_id] >= self._limit:
            raise NoPlace("Your account has too many live connections.")
        self._account = account_id
        self._accounts[account_id] += 1

    def leave(self) -> None:
        """Have the account not counted for it any more."""
        if self._account:
            _subtract(self._accounts, self._account)
            self._account = None


class Places:
    """Counts the live connections of this process."""

    def __init__(self, *, per_account: int, per_client: int) -> None:
        self._per_account = per_account
        self._per_client = per_client
        self._accounts: Counter[Hashable] = Counter()
        self._networks: Counter[Hashable] = Counter()

    @contextmanager
    def place(self, address: str) -> Iterator[Place]:
        """Take a place for a client's address; raises `NoPlace`."""
        of = network(address)
        if self._networks[of] >= self._per_client:
            raise NoPlace("Your network has too many live connections.")
        self._networks[of] += 1
        place = Place(self._accounts, self._per_account)
        try:
            yield place
        finally:
            place.leave()
            _subtract(self._networks, of)


def _subtract(counter: Counter[Hashable], key: Hashable) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]  # or the addresses of a year would be kept
