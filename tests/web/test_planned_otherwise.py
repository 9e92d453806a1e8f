"""A plan keeps to what a schema was given: times, enums, readers and infos of its own."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import orjson
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionResult

from authgql.web.documents import Documents

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECONDS = strawberry.scalar(name="DateTime", serialize=datetime.timestamp, parse_value=datetime.fromtimestamp)


@dataclass
class Size:
    legs: int


@strawberry.enum
class Creature(Size, Enum):
    """Members that a dictionary does not take, for dataclasses have no hash."""

    BEETLE = (6,)
    DOG = (4,)


@strawberry.type
class Told:
    at: datetime
    by: Creature
    name: str


class Insider(strawberry.Info[Any, Any]):
    """What resolvers of one schema are told."""

    @property
    def context(self) -> Any:
        return {"name": "inside"}


def aloud(source: object, name: str) -> object:
    """Read an attribute in a way of one's own."""
    value = getattr(source, name)
    return value.upper() if isinstance(value, str) else value


@strawberry.type
class Query:
    @strawberry.field
    def told(self, info: strawberry.Info[Any, Any]) -> Told:
        """Tell of the request."""
        return Told(at=NOON, by=Creature.DOG, name=info.context["name"])


@pytest.mark.parametrize(
    "config",
    [
        StrawberryConfig(),
        StrawberryConfig(scalar_map={datetime: SECONDS}),
        StrawberryConfig(info_class=Insider),
        StrawberryConfig(default_resolver=aloud),
    ],
)
@pytest.mark.parametrize("query", ["{ told { at name } }", "{ told { by } }"])
async def test_a_schema_of_ones_own_is_answered_as_strawberry_would(
    config: StrawberryConfig, query: str
) -> None:
    schema = strawberry.Schema(query=Query, config=config)
    documents = Documents(schema._schema, introspection=True)  # noqa: SLF001 -- as the endpoint has it
    plan, context = documents.prepare(query).plan(None), {"name": "outside"}
    assert plan
    planned = await plan.run(context, None)
    theirs = await schema.execute(query, context_value=context)
    assert isinstance(theirs, ExecutionResult)
    assert not theirs.errors
    assert orjson.dumps(planned.data) == orjson.dumps(theirs.data)
