"""Statements of our own, for what is asked so often that building it anew each time is what costs."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from authgql.core.database import current

NAMED: Final = re.compile(r"(?<!:):([a-z_]+)")
ANY: Final = re.compile(r"= ANY\((:[a-z_]+)\)")
LOCK: Final = re.compile(r"\s+FOR (?:NO KEY )?UPDATE(?: SKIP LOCKED)?\b")


class Statement:
    """One statement for both databases, with named values (`:name`).

    SQLite locks no rows: its writers wait for each other before they begin, so `FOR UPDATE` is left out.
    It knows no lists: what is compared with `= ANY(:name)` comes to it as JSON.
    """

    def __init__(self, text: str) -> None:
        text = text.strip()
        self._names = tuple(dict.fromkeys(NAMED.findall(text)))
        places = {name: str(place) for place, name in enumerate(self._names, 1)}
        self._postgres = NAMED.sub(lambda found: "$" + places[found[1]], text)
        text = ANY.sub(r"IN (SELECT value FROM json_each(\1))", LOCK.sub("", text))
        self._sqlite = NAMED.sub(lambda found: "?" + places[found[1]], text)

    async def rows(self, **values: object) -> Sequence[Sequence[Any]]:
        """Run it and return its rows, as the driver brings them; what writes has to begin with WITH."""
        rows: Sequence[Sequence[Any]] = (await self._run(values))[1]
        return rows

    async def count(self, **values: object) -> int:
        """Run an INSERT, UPDATE or DELETE and return how many rows it was about."""
        return int((await self._run(values))[0])

    def on_sqlite(self, values: Mapping[str, object]) -> tuple[str, Sequence[object]]:
        """Return it as SQLite's driver takes it, with those of the values that it names."""
        return self._sqlite, [_kept(values[name]) for name in self._names]

    async def _run(self, values: Mapping[str, object]) -> Any:  # noqa: ANN401 -- the drivers' rows
        connection = current()
        if connection.capabilities.dialect == "sqlite":
            return await connection.run([self.on_sqlite(values)])
        return await connection.execute_query(self._postgres, [values[name] for name in self._names])


class Steps:
    """What is one statement on PostgreSQL, for SQLite: several that are carried out together or not at all.

    Each is a step only if the one before was about a row.
    """

    def __init__(self, *steps: Statement) -> None:
        self._steps = steps

    async def rows(self, **values: object) -> Sequence[Sequence[Any]]:
        """Run them and return the last one's rows; none, with nothing written, if one was about no row."""
        rows: Sequence[Sequence[Any]]
        _, rows = await current().run([step.on_sqlite(values) for step in self._steps])
        return rows


def _kept(value: object) -> object:
    """Return a value as SQLite keeps it; its driver knows all but UUIDs and lists."""
    if isinstance(value, UUID):
        return str(value)
    return orjson.dumps(value, default=str).decode() if isinstance(value, list) else value
