"""Rows of statements of our own become the very objects that the ORM makes, at a fraction of its cost."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Generic, TypeVar

from asyncpg.pgproto.pgproto import UUID
from tortoise.fields import BooleanField, DatetimeField, UUIDField
from tortoise.models import Model

from authgql.core.database import dialect
from authgql.core.statements import Statement, Steps

Row = TypeVar("Row", bound=Model)

# What SQLite keeps as text or number; PostgreSQL's driver brings these types by itself.
FROM_SQLITE: Final[dict[type, Callable[[Any], Any]]] = {
    BooleanField: bool,
    DatetimeField: datetime.fromisoformat,  # every time is written in UTC, and says so
    UUIDField: UUID,  # the other driver's, for both: made and written at a tenth of the cost of Python's own
}


class Rows(Generic[Row]):
    """One model's columns and how its instances are made of them; used once the database is open."""

    def __init__(self, model: type[Row]) -> None:
        self._model = model

    @property
    def table(self) -> str:
        """The table's name."""
        return self._model._meta.db_table  # noqa: SLF001 -- Tortoise's description

    @cached_property
    def columns(self) -> Sequence[str]:
        """The names of the columns, in the order in which `build` takes their values."""
        return tuple(self._model._meta.fields_db_projection.values())  # noqa: SLF001 -- the same

    def select(self, table: str) -> str:
        """Return the columns for a SELECT, `table` being the name that the statement gives the table."""
        return ", ".join(f'{table}."{column}"' for column in self.columns)

    def where(self, condition: str) -> "Query[Row]":
        """Return a SELECT of whole rows; `condition` may go on with ORDER BY and the like."""
        return Query(self, condition)

    def insertion(self, *, prefix: str = "", source: str = "") -> str:
        """Return an INSERT of one row, or of one for each row of `source`.

        Its values are named like the columns, with `prefix` before them: see `values`.
        """
        columns = ", ".join(f'"{column}"' for column in self.columns)
        values = ", ".join(f":{prefix}{column}" for column in self.columns)
        given = f"SELECT {values} FROM {source}" if source else f"VALUES ({values})"  # noqa: S608 -- our own words
        return f'INSERT INTO "{self.table}" ({columns}) {given}'

    async def insert(self, row: Row) -> None:
        """Add a row that `new` made."""
        await self._insert.count(**self.values(row))

    def values(self, row: Row, *, prefix: str = "") -> Mapping[str, Any]:
        """Return a row's values by name, for `insertion`."""
        known = row.__dict__
        return {prefix + column: known[name] for name, column in self._names}

    def new(self, **given: object) -> Row:
        """Make a row to be inserted, with the columns' defaults; raises TypeError as a constructor does."""
        values = {name: default() if callable(default) else default for name, default in self._defaults}
        values |= given
        if len(values) != len(self.columns):
            wrong = set(self._attributes) ^ set(values)
            raise TypeError(f"{self.table}: missing or unknown: {', '.join(sorted(wrong))}")
        return self.build([values[name] for name in self._attributes])

    def read(self, values: Sequence[Any]) -> Row:
        """Make an instance of what either driver brought."""
        return self.build(self.typed(values))

    def build(self, values: Sequence[Any]) -> Row:
        """Make an instance of what a driver brought that has the columns' types."""
        row = self._model.__new__(self._model)
        # Tortoise's constructor for rows does the same, with a call and a conversion for each attribute.
        state = row.__dict__
        state.update(zip(self._attributes, values, strict=True))
        state["_partial"] = False
        state["_saved_in_db"] = True
        state["_custom_generated_pk"] = True  # ours are UUIDs that the database does not make
        state["_await_when_save"] = {}
        return row

    def typed(self, values: Sequence[Any]) -> Sequence[Any]:
        """Give what either driver brought the columns' types."""
        if not self._of_sqlite:
            return values
        typed = list(values)
        for place, read in self._readers:
            value = typed[place]
            if value is not None:
                typed[place] = read(value)
        return typed

    @cached_property
    def _attributes(self) -> Sequence[str]:
        return tuple(self._model._meta.fields_db_projection)  # noqa: SLF001 -- the same

    @cached_property
    def _of_sqlite(self) -> bool:
        return dialect() == "sqlite"

    @cached_property
    def _names(self) -> Sequence[tuple[str, str]]:
        return tuple(self._model._meta.fields_db_projection.items())  # noqa: SLF001 -- the same

    @cached_property
    def _insert(self) -> Statement:
        return Statement(self.insertion())

    @cached_property
    def _defaults(self) -> Sequence[tuple[str, Any]]:
        fields = self._model._meta.fields_map  # noqa: SLF001 -- the same
        return [
            (name, fields[name].default)
            for name in self._attributes
            if fields[name].null or fields[name].default is not None
        ]

    @cached_property
    def _readers(self) -> Sequence[tuple[int, Callable[[Any], Any]]]:
        fields = self._model._meta.fields_map  # noqa: SLF001 -- the same
        readers = [FROM_SQLITE.get(type(fields[name])) for name in self._attributes]
        return [(place, read) for place, read in enumerate(readers) if read]


class Query(Generic[Row]):
    """A SELECT of one model's rows, put together when it is first asked."""

    def __init__(self, rows: Rows[Row], condition: str) -> None:
        self._rows = rows
        self._condition = condition

    async def first(self, **values: object) -> Row | None:
        """Return the first row, if there is one."""
        found = await self._statement.rows(**values)
        return self._rows.read(found[0]) if found else None

    @cached_property
    def _statement(self) -> Statement:
        table = self._rows.table
        return Statement(f'SELECT {self._rows.select("t")} FROM "{table}" t WHERE {self._condition}')  # noqa: S608 -- our own words


class Joined:
    """Rows of several tables side by side, each named as the statement names its table."""

    def __init__(self, **models: type[Model]) -> None:
        self._tables: Mapping[str, Rows[Any]] = {name: Rows(model) for name, model in models.items()}

    @cached_property
    def columns(self) -> str:
        """The columns for a SELECT."""
        return ", ".join(rows.select(name) for name, rows in self._tables.items())

    def read(self, values: Sequence[Any]) -> Sequence[Any]:
        """Make an instance of each model, in the order in which they were named."""
        made, begin = [], 0
        for rows in self._tables.values():
            end = begin + len(rows.columns)
            made.append(rows.read(values[begin:end]))
            begin = end
        return made


class Together:
    """Rows of several tables that are inserted at once, in one statement where the database can."""

    def __init__(self, **models: type[Model]) -> None:
        self._tables: Mapping[str, Rows[Any]] = {name: Rows(model) for name, model in models.items()}

    async def insert(self, **rows: Model) -> None:
        """Add a row to each of the tables, those first that others refer to."""
        values: dict[str, Any] = {}
        for name, row in rows.items():
            values |= self._tables[name].values(row, prefix=f"{name}_")
        await self._statement.rows(**values)

    @cached_property
    def _statement(self) -> Statement | Steps:
        parts = {name: rows.insertion(prefix=f"{name}_") for name, rows in self._tables.items()}
        if dialect() == "sqlite":
            return Steps(*map(Statement, parts.values()))
        return Statement(f"WITH {', '.join(f'{name} AS ({part})' for name, part in parts.items())} SELECT 1")
