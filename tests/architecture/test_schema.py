"""The schema keeps its promises, explains itself, and is written down as it is."""

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)

from authgql.gate.guards import is_once_per_request
from authgql.web.schema import build_schema as build_ours

HERE = Path(__file__).parent
CONTRACT = build_schema((HERE / "contract.graphql").read_text())
FEDERATIONS = {"_Any", "_FieldSet", "_Entity", "_Service", "_service", "_entities", "representations", "sdl"}


@pytest.fixture(scope="module")
def ours() -> GraphQLSchema:
    return build_ours()._schema  # noqa: SLF001 -- as in app.py


def _own(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    foreign = FEDERATIONS | {"String", "Int", "Boolean", "ID", "Float"}
    return [
        type_
        for name, type_ in schema.type_map.items()
        if not name.startswith("__") and name not in foreign and "__" not in name
    ]


def test_the_printed_schema_is_the_one_that_is_served() -> None:
    stale = "schema.graphql is stale: run `make schema`"
    assert (HERE.parents[1] / "schema.graphql").read_text() == build_ours().sdl, stale


def test_everything_in_the_schema_explains_itself(ours: GraphQLSchema) -> None:
    silent = []
    for type_ in _own(ours):
        if not type_.description and type_.name != "DateTime":
            silent.append(type_.name)
        if isinstance(type_, GraphQLEnumType):
            silent += [
                f"{type_.name}.{name}" for name, value in type_.values.items() if not value.description
            ]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                if name in FEDERATIONS:
                    continue
                if not field.description:
                    silent.append(f"{type_.name}.{name}")
                silent += [
                    f"{type_.name}.{name}({arg}:)" for arg, it in field.args.items() if not it.description
                ]
        if isinstance(type_, GraphQLInputObjectType):
            silent += [
                f"{type_.name}.{name}" for name, field in type_.fields.items() if not field.description
            ]
    assert silent == []


# Mutations that take no credential and send no mail: a request may run them as often as its aliases allow.
REPEATABLE = {
    "logout",
    "updateProfile",
    "terminateSession",
    "terminateOtherSessions",
    "terminateAllSessions",
}


def test_every_mutation_that_takes_a_credential_runs_once_in_a_request(ours: GraphQLSchema) -> None:
    assert ours.mutation_type
    fields = ours.mutation_type.fields
    assert {name for name, field in fields.items() if not is_once_per_request(field)} == REPEATABLE


@pytest.mark.parametrize("name", [type_.name for type_ in _own(CONTRACT)])
def test_what_the_contract_names_is_there_as_it_says(name: str, ours: GraphQLSchema) -> None:
    promised, kept = CONTRACT.type_map[name], ours.type_map.get(name)
    assert isinstance(kept, type(promised))
    if isinstance(promised, GraphQLUnionType) and isinstance(kept, GraphQLUnionType):
        assert {member.name for member in promised.types} <= {member.name for member in kept.types}
    elif isinstance(promised, GraphQLEnumType) and isinstance(kept, GraphQLEnumType):
        assert set(promised.values) <= set(kept.values)
    elif isinstance(promised, GraphQLInputObjectType) and isinstance(kept, GraphQLInputObjectType):
        for field, it in promised.fields.items():
            assert str(kept.fields[field].type) == str(it.type), field
            assert kept.fields[field].default_value == it.default_value, field
        added = {field: it for field, it in kept.fields.items() if field not in promised.fields}
        assert not [field for field, it in added.items() if str(it.type).endswith("!")]
    elif isinstance(promised, GraphQLObjectType | GraphQLInterfaceType):
        assert isinstance(kept, GraphQLObjectType | GraphQLInterfaceType)
        assert {i.name for i in promised.interfaces} <= {i.name for i in kept.interfaces}
        for field, it in promised.fields.items():
            assert str(kept.fields[field].type) == str(it.type), field
            for argument, promise in it.args.items():
                assert str(kept.fields[field].args[argument].type) == str(promise.type), (
                    f"{field}({argument}:)"
                )


def test_every_refusal_says_what_and_why(ours: GraphQLSchema) -> None:
    refusals = ours.get_implementations(ours.type_map["Refusal"]).objects  # type: ignore[arg-type]
    codes = ours.type_map["RefusalCode"]
    assert isinstance(codes, GraphQLEnumType)
    assert len(refusals) == len(codes.values)
