"""A plan answers as graphql-core does whatever a resolver brings, and keeps no more than it may."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Generator
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from functools import cache
from inspect import isawaitable
from typing import Annotated, Any, cast
from uuid import UUID

import orjson
import pytest
import strawberry
from graphql import ExecutionResult, Undefined, execute
from hypothesis import given, settings
from hypothesis import strategies as st
from strawberry.types import ExecutionResult as StrawberrysResult

from authgql.web import documents
from authgql.web.documents import Documents, Prepared
from authgql.web.plans import Plan
from authgql.web.schema import build_schema

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@strawberry.enum
class Colour(Enum):
    RED = "r"
    BLUE = strawberry.enum_value("b", name="AZURE")


@strawberry.enum
class Word(str, Enum):  # noqa: UP042 -- such as a plan must leave alone
    YES = "yes"


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Leaf(Named):
    weight: float | None


@strawberry.type
class Twig:
    id: strawberry.ID
    name: str | None
    length: int
    straight: bool
    seen: datetime
    colour: Colour
    word: Word | None
    parts: list[int | None] | None
    uuid: UUID | None = None


@strawberry.type
class Tree:
    twig: Twig | None
    twigs: list[Twig]
    some: list[Twig | None] | None
    grid: list[list[str]]
    named: Named | None
    leaf: Leaf | None
    either: Annotated[Twig | Leaf | None, strawberry.union("Either")]

    @strawberry.field
    def told(self) -> str:
        """A method that takes nothing."""
        return cast("str", vars(self)["told_as"])

    @strawberry.field
    async def awaited(self) -> Twig | None:
        """One that waits."""
        await asyncio.sleep(0)
        return self.twig

    @strawberry.field
    async def grids(self) -> list[list[str]]:
        """A list of lists that waits."""
        await asyncio.sleep(0)
        return self.grid

    @strawberry.field
    def of(self, info: strawberry.Info[Any, Any], size: int = 3, colour: Colour = Colour.RED) -> str:
        """One that takes arguments and tells what it knows of the request."""
        told = info.path, info.field_name, info.context["calls"], info.variable_values, info.selected_fields
        return f"{size} {colour} {told}"


def root(info: strawberry.Info[Any, Any]) -> Any:
    """Count the call, and answer what the test says."""
    info.context["calls"] += 1
    found = info.context["tree"]
    if isinstance(found, Exception):
        raise found
    return found


@strawberry.type
class Query:
    tree: Tree | None = strawberry.field(resolver=root)
    sure: Tree = strawberry.field(resolver=root)

    @strawberry.field
    def told(self, info: strawberry.Info[Any, Any]) -> Tree | None:
        """Take nothing but the request, and tell of it."""
        found = info.context["tree"]
        if isinstance(found, Tree) and vars(found)["told_as"] == "so":
            seen = info.path, info.field_name, info.operation.name, info.variable_values, info.return_type
            vars(found)["told_as"] = f"{seen} {info.selected_fields} {info.root_value} {info.schema}"
        return cast("Tree", found)

    @strawberry.field
    async def later(self, info: strawberry.Info[Any, Any]) -> Tree | None:
        """Wait first."""
        await asyncio.sleep(0)
        return cast("Tree", root(info))


@strawberry.type
class Mutation:
    grow: Tree | None = strawberry.field(resolver=root)
    sure: Tree = strawberry.field(resolver=root)

    @strawberry.field
    def bare(self) -> str:
        """Take nothing at all, count the call, and answer what is no text."""
        BARE.append(1)
        return cast("str", [])


BARE: list[int] = []


STRAWBERRY = strawberry.Schema(query=Query, mutation=Mutation, types=[Leaf])
SCHEMA = STRAWBERRY._schema  # noqa: SLF001 -- as the endpoint has it
TWIG = "{ id name length straight seen colour word parts uuid __typename }"
EVERYTHING = f"""{{
  twig {TWIG} twigs {TWIG} some {TWIG} grid told awaited {TWIG} of b: of(size: $size, colour: AZURE)
  leaf {{ name weight }} named {{ name __typename ... on Leaf {{ weight }} }}
  either {{ ... on Twig {{ id seen }} ... on Named {{ name }} __typename }}
}}"""
OPERATIONS = (
    "query ($size: Int! = 7) { tree " + EVERYTHING + " later " + EVERYTHING + " __typename }",
    "query ($size: Int! = 7) { sure " + EVERYTHING + " tree { twig { id } } }",
    "mutation ($size: Int! = 7) { grow " + EVERYTHING + " sure " + EVERYTHING + " again: grow { told } }",
    "{ tree { twig { id } twigs { name seen } } later { some { colour } grid } }",
    "{ tree { told twig { ...A } twigs { ...A } } } fragment A on Twig { ...B } fragment B on Twig { name }",
    "{ sure { grid } x: sure { told } }",
    "query Q { told { told twig { ...A } } x: told { told grid } } fragment A on Twig { colour }",
    "{ told { twig { id } } __typename }",
    "{ told { told } tree { told } }",
)


async def corely(query: str, context: dict[str, Any], variables: dict[str, Any]) -> ExecutionResult:
    document = prepared(query).document
    assert document
    result = execute(SCHEMA, document, context_value=context, variable_values=variables)
    return await result if isawaitable(result) else result


async def planned(query: str, context: dict[str, Any], variables: dict[str, Any]) -> ExecutionResult:
    return await plan_of(query).run(context, variables)


async def strawberrily(query: str, context: dict[str, Any], variables: dict[str, Any]) -> StrawberrysResult:
    result = await STRAWBERRY.execute(query, variables, context_value=context)
    assert isinstance(result, StrawberrysResult)
    return result


@cache
def prepared(query: str) -> Prepared:
    return Documents(SCHEMA, introspection=True).prepare(query)


def plan_of(query: str) -> Plan:
    plan = prepared(query).plan(None)
    assert plan
    return plan


async def told(
    way: Callable[..., Awaitable[Any]], query: str, make: Callable[[], object], variables: dict[str, Any]
) -> tuple[bytes, list[Any], int]:
    """Return an answer's data as bytes, its errors, and how often a root resolver ran."""
    context: dict[str, Any] = {"calls": 0, "tree": make()}
    result = await way(query, context, variables)
    errors = [(error.formatted, type(error.original_error)) for error in result.errors or []]
    data = re.sub(rb"0x[0-9a-f]+", b"", orjson.dumps(result.data))  # where an object lies in memory
    return data, errors, context["calls"]


async def agree(query: str, make: Callable[[], object], variables: dict[str, Any] | None = None) -> None:
    core = await told(corely, query, make, variables or {})
    assert await told(planned, query, make, variables or {}) == core, query
    assert await told(strawberrily, query, make, variables or {}) == core, query


# ---------------------------------------------------------------- what resolvers may bring


class Shouting(str):  # noqa: SLOT000 -- a text that is not just a text
    def __str__(self) -> str:
        return self.upper()


class Mute(Exception):  # noqa: N818 -- an error by type, not by name
    name = id = told_as = "of an error"

    def __str__(self) -> str:
        return "hush"


class Stone:
    """Nothing that a schema knows."""

    def __repr__(self) -> str:
        return "a stone"


class Coming:
    """Something to wait for, which does not mind if nobody does."""

    def __await__(self) -> Generator[Any, None, str]:
        yield from asyncio.sleep(0).__await__()
        return "later"


ODD: list[Callable[[], Any]] = [
    lambda: None,
    lambda: "",
    lambda: "yes",
    lambda: 1.5,
    lambda: 10**12,
    lambda: True,
    lambda: float("nan"),
    Stone,
    lambda: ValueError("brought"),
    Mute,
    lambda: Shouting("aloud"),
    Coming,
    list,
    lambda: [None, "a", 3],
    lambda: ("a", "b"),
    lambda: {"id": "1"},
    lambda: Colour.BLUE,
    lambda: Word.YES,
    lambda: NOON,
    lambda: NOON.replace(tzinfo=None),
    lambda: NOON.astimezone(timezone(timedelta(hours=2))),
    lambda: (item for item in ["a"]),
    lambda: Leaf(name="leaf", weight=0.5),
    lambda: strawberry.cast(Leaf, Leaf(name="cast", weight=None)),
    lambda: strawberry.cast(Twig, Leaf(name="cast", weight=None)),
    lambda: NOON.astimezone(timezone(timedelta(seconds=3))),
    lambda: [[["deep"]]],
    lambda: {"a": 1},
    lambda: UUID(int=7),
    lambda: Undefined,
    lambda: -(2**31) - 1,
]
TWIG_FIELDS = ["id", "name", "length", "straight", "seen", "colour", "word", "parts", "uuid"]
TREE_FIELDS = ["twig", "twigs", "some", "grid", "named", "leaf", "either", "told_as"]


def twig() -> Twig:
    return Twig(
        id=strawberry.ID("7"),
        name=None,
        length=3,
        straight=True,
        seen=NOON,
        colour=Colour.BLUE,
        word=Word.YES,
        parts=[1, None],
    )


def tree() -> Tree:
    made = Tree(
        twig=twig(),
        twigs=[twig(), twig()],
        some=[None, twig()],
        grid=[["a"], []],
        named=Leaf(name="leaf", weight=None),
        leaf=Leaf(name="leaf", weight=2.0),
        either=Leaf(name="leaf", weight=1.0),
    )
    vars(made)["told_as"] = "so"
    return made


def spoilt(
    fields: dict[str, Callable[[], Any]], twigs: dict[str, Callable[[], Any]], at: int
) -> Callable[[], object]:
    """Return how a tree is made of which some fields are not what they should be."""

    def make() -> object:
        made = tree()
        for one in (made.twig, made.twigs[at], made.some and made.some[1]):
            vars(one).update({name: value() for name, value in twigs.items()})
        vars(made).update({name: value() for name, value in fields.items()})
        return made

    return make


TREES = st.one_of(
    st.builds(
        spoilt,
        st.dictionaries(st.sampled_from(TREE_FIELDS), st.sampled_from(ODD), max_size=2),
        st.dictionaries(st.sampled_from(TWIG_FIELDS), st.sampled_from(ODD), max_size=2),
        st.integers(0, 1),
    ),
    st.sampled_from([lambda: None, lambda: ValueError("thrown"), twig, lambda: [tree()]]),
)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(query=st.sampled_from(OPERATIONS), make=TREES)
async def test_whatever_a_resolver_brings_is_answered_as_graphql_core_would(
    query: str, make: Callable[[], object]
) -> None:
    await agree(query, make)


@pytest.mark.parametrize("field", TWIG_FIELDS)
async def test_each_value_of_an_object_may_be_anything(field: str) -> None:
    for odd in ODD:
        await agree(f"{{ tree {{ twig {{ {field} }} twigs {{ {field} }} }} }}", spoilt({}, {field: odd}, 1))


OBJECTS = {"twig": "{ name }", "twigs": "{ id }", "some": "{ id }", "named": "{ name }", "leaf": "{ name }"}
OBJECTS |= {"either": "{ __typename ... on Named { name } }", "told_as": "", "grid": ""}


@pytest.mark.parametrize("field", TREE_FIELDS)
async def test_each_object_and_list_may_be_anything(field: str) -> None:
    selected = f"{field.removesuffix('_as')} {OBJECTS[field]}"
    waiting = {"grid": "grids", "twig": "awaited { name }"}.get(field, "told")
    for odd in ODD:
        for each in (selected, waiting):
            await agree(f"{{ tree {{ {each} }} }}", spoilt({field: odd}, {}, 1))


async def test_every_request_has_errors_of_its_own() -> None:
    for make in (spoilt({"told_as": ODD[0]}, {}, 0), tree, spoilt({"told_as": ODD[0]}, {}, 0)):
        await agree("{ tree { told } sure { grid } }", make)


async def test_a_mutation_that_takes_nothing_runs_once_whatever_it_answers() -> None:
    BARE.clear()
    await agree("mutation { bare }", tree)
    assert len(BARE) == len([corely, planned, strawberrily])


@pytest.mark.parametrize("query", OPERATIONS)
async def test_what_is_in_order_is_answered_as_graphql_core_would(query: str) -> None:
    await agree(query, tree)


@pytest.mark.parametrize("variables", [{}, {"size": 1}, {"size": None}, {"size": "x"}, {"size": 2**40}])
async def test_variables_are_what_graphql_core_makes_of_them(variables: dict[str, Any]) -> None:
    query = "query ($size: Int! = 7, $colour: Colour) { tree { of(size: $size, colour: $colour) told } }"
    await agree(query, tree, variables)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_time_in_utc_is_written_as_strawberry_writes_it(moment: datetime) -> None:
    assert orjson.dumps(moment) == orjson.dumps(moment.isoformat())


# ---------------------------------------------------------------- what is kept


def test_a_plan_is_made_once_for_a_document() -> None:
    prepared = Documents(SCHEMA, introspection=True)
    query = "query A { tree { told } } query B { sure { told } }"
    first = prepared.prepare(query)
    assert first.plan("A") is prepared.prepare(query).plan("A") is not first.plan("B")
    assert first.plan("C") is None


@pytest.mark.parametrize(
    "query",
    [
        "{ tree @skip(if: true) { told } }",
        "{ ...F } fragment F on Query { tree { told @include(if: true) } }",
    ],
)
def test_what_directives_decide_has_no_plan(query: str) -> None:
    assert Documents(SCHEMA, introspection=True).prepare(query).plan(None) is None


def test_subscriptions_have_no_plan() -> None:
    schema = build_schema()._schema  # noqa: SLF001 -- as the endpoint has it
    prepared = Documents(schema, introspection=True).prepare("subscription { sessionEvents { id } }")
    assert prepared.document
    assert prepared.plan(None) is None


def test_what_fragments_multiply_has_no_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    query = "{ " + "".join(f"t{n}: tree {{ ...F }} " for n in range(9)) + "} fragment F on Tree { told grid }"
    assert Documents(SCHEMA, introspection=True).prepare(query).plan(None)
    monkeypatch.setattr(documents, "MAX_PLANNED", 26)  # of 9 + 9 times 2
    assert Documents(SCHEMA, introspection=True).prepare(query).plan(None) is None
