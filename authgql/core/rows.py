"""Rows of statements of our own become the very objects that the ORM makes, at a fraction of its cost."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from tortoise.fields import BooleanField, DatetimeField, UUIDField
from tortoise.models import Model

Row = TypeVar("Row", bound=Model)

# What SQLite keeps as text or number; PostgreSQL's driver brings these types by itself.
FROM_SQLITE: Final[dict[type, Callable[[Any], Any]]] = {
    BooleanField: bool,
    DatetimeField: lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC),
    UUIDField: UUID,
}


class Rows(Generic[Row]):
    """One model's columns and how its instances are made of them; used once the database is open."""

    def __init__(self, model: type[Row]) -> None:
        self._model = model

    @cached_property
    def columns(self) -> Sequence[str]:
        """The names of the columns, in the order in which `build` takes their values."""
        return tuple(self._model._meta.fields_db_projection.values())  # noqa: SLF001 -- Tortoise's description

    def select(self, table: str) -> str:
        """Return the columns for a SELECT, `table` being the name that the statement gives the table."""
        return ", ".join(f'{table}."{column}"' for column in self.columns)

    def build(self, values: Sequence[Any]) -> Row:
        """Make an instance of what a driver brought that has the columns' types."""
        row = self._model.__new__(self._model)
        # Tortoise's constructor for rows does the same, with a call and a conversion for each attribute.
        row.__dict__ = {
            "_partial": False,
            "_saved_in_db": True,
            "_custom_generated_pk": True,  # ours are UUIDs that the database does not make
            "_await_when_save": {},
            **dict(zip(self._attributes, values, strict=True)),
        }
        return row

    def from_sqlite(self, values: Sequence[Any]) -> Sequence[Any]:
        """Give the values that SQLite's driver brought the columns' types."""
        return [
            value if value is None or read is None else read(value)
            for read, value in zip(self._readers, values, strict=True)
        ]

    @cached_property
    def _attributes(self) -> Sequence[str]:
        return tuple(self._model._meta.fields_db_projection)  # noqa: SLF001 -- the same

    @cached_property
    def _readers(self) -> Sequence[Callable[[Any], Any] | None]:
        fields = self._model._meta.fields_map  # noqa: SLF001 -- the same
        return [FROM_SQLITE.get(type(fields[name])) for name in self._attributes]
