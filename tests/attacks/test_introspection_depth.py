"""Introspection goes in circles, types to fields to types, and each list multiplies the one before."""

import pytest
from conftest import MakeApp
from graphql import get_introspection_query
from support.dialects import no_database
from support.hostile import aliased

pytestmark = no_database

CIRCLES = {
    "ten levels": "{ __schema { types {" + " fields { type {" * 10 + " name " + "} }" * 10 + "} } }",
    "fields of fields of fields": "{ __schema { types { fields { type { fields { args { name }}}}}}}",
    "lists of other names": "{ __schema { types { interfaces { possibleTypes { enumValues { name } } } } } }",
    "from one type": '{ __type(name: "User") { fields { args { type { fields { args { name }}}}}}}',
    "fragments": "{ __schema { types { ...A } } }"
    "fragment A on __Type { fields { ...B } }"
    "fragment B on __Field { type { fields { type { fields { name } } } } }",
}


@pytest.mark.parametrize("document", CIRCLES.values(), ids=CIRCLES)
async def test_lists_in_lists_in_lists_are_refused_with_the_figure(make_app: MakeApp, document: str) -> None:
    app = await make_app(introspection=True)
    answer = await app.gql(document)
    assert answer.codes == ["OPERATION_TOO_COMPLEX"]
    found = answer.body["errors"][0]["extensions"]
    assert (found["measure"], found["limit"]) in {("introspectionDepth", 3), ("nesting", 32)}
    assert found["figure"] > found["limit"]


async def test_the_whole_schema_cannot_be_asked_for_again_and_again(make_app: MakeApp) -> None:
    app = await make_app(introspection=True)
    answer = await app.gql(f"{{ {aliased(5, '__schema { types { name } }')} }}")
    (error,) = answer.body["errors"]
    assert error["extensions"]["measure"] == "cost"


@pytest.mark.parametrize("more", [False, True])
async def test_what_tools_ask_is_answered(make_app: MakeApp, more: bool) -> None:
    app = await make_app(introspection=True)
    query = get_introspection_query(
        specified_by_url=more,
        directive_is_repeatable=more,
        schema_description=more,
        input_value_deprecation=more,
    )
    answer = await app.gql(query)
    assert {"User", "Session"} <= {type_["name"] for type_ in answer.data["__schema"]["types"]}


async def test_without_introspection_nothing_is_told_however_it_is_asked(make_app: MakeApp) -> None:
    app = await make_app(introspection=False)
    answer = await app.gql("{ __schema { types { name } } }")
    assert set(answer.codes) == {"GRAPHQL_VALIDATION_FAILED"}
