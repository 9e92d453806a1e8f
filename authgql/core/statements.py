"""Statements of our own, for what is asked so often that building it anew each time is what costs."""

import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from authgql.core.database import current

NAMED: Final = re.compile(r"(?<!:):([a-z_]+)")
LOCK: Final = re.compile(r"\s+FOR (?:NO KEY )?UPDATE(?: SKIP LOCKED)?\b")


class Statement:
    """One statement for both databases, with named values (`:name`).

    SQLite locks no rows: its writers wait for each other before they begin, so `FOR UPDATE` is left out.
    """

    def __init__(self, text: str) -> None:
        text = text.strip()
        self._names = tuple(dict.fromkeys(NAMED.findall(text)))
        places = {name: str(place) for place, name in enumerate(self._names, 1)}
        self._postgres = NAMED.sub(lambda found: "$" + places[found[1]], text)
        self._sqlite = LOCK.sub("", NAMED.sub(lambda found: "?" + places[found[1]], text))

    async def rows(self, **values: object) -> Sequence[Sequence[Any]]:
        """Run it and return its rows, as the driver brings them; what writes has to begin with WITH."""
        return [tuple(row) for row in (await self._run(values))[1]]

    async def count(self, **values: object) -> int:
        """Run an INSERT, UPDATE or DELETE and return how many rows it was about."""
        return int((await self._run(values))[0])

    async def _run(self, values: dict[str, object]) -> Any:  # noqa: ANN401 -- the drivers' rows
        connection = current()
        if connection.capabilities.dialect == "postgres":
            return await connection.execute_query(self._postgres, [values[name] for name in self._names])
        return await connection.execute_query(self._sqlite, [_kept(values[name]) for name in self._names])


def _kept(value: object) -> object:
    """Return a value as SQLite keeps it; its driver knows all but UUIDs."""
    return str(value) if isinstance(value, UUID) else value
