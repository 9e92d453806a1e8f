"""An operation's cost is the documented sum, completed by its variables for a fraction of what they name."""

import sys
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse

from authgql.web.bounds import MAX_COST
from authgql.web.complexity import Complexity
from authgql.web.cost import Cost, Factor
from authgql.web.documents import Documents
from authgql.web.schema import build_schema

SCHEMA = build_schema()._schema  # noqa: SLF001 -- as in app.py
ENTITIES = """
query ($r: [_Any!]!, $n: Int) {
  _entities(representations: $r) { ... on User { username sessions(first: $n) { totalCount } } }
}
"""


def cost(document: str, **variables: object) -> int:
    parsed = parse(document)
    (operation,) = (node for node in parsed.definitions if isinstance(node, OperationDefinitionNode))
    return Complexity(SCHEMA, parsed).of(operation).cost.of(variables)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ __typename }", 1),
        ("{ me { id username } }", 3),
        ('{ user(username: "ada") { id } }', 11),  # asks the database
        ("{ sessions { totalCount } }", 10 + 20 * 10),  # the default page
        ("{ sessions(first: 2) { nodes { id } } }", 10 + 2 * 2),  # a list within a page is the page
        ("{ sessions(first: 2) { edges { node { id } } } }", 10 + 2 * 3),
        ("{ sessions(first: null) { nodes { id } } }", 10 + 20 * 2),
        ("{ sessions(first: 0) { nodes { id } } }", 10 + 2),  # refused later
        ("{ sessions(first: -5) { nodes { id } } }", 10 + 2),
        ("{ sessions(first: 1000000) { nodes { id } } }", 10 + 100 * 2),
        ('{ sessions(first: "many") { nodes { id } } }', 10 + 20 * 2),
        ("{ sessions(first: true) { nodes { id } } }", 10 + 20 * 2),
        ("{ _entities(representations: [1, 2, 3]) { __typename } }", 1 + 3),
        ("{ _entities(representations: []) { __typename } }", 1 + 1),
        ("{ _entities(representations: {}) { __typename } }", 1 + 1),
        ("{ securityLog(first: 2) { nodes { kind } } }", 10 + 2 * 2),
        ("{ securityLog(first: 2) { nodes { device { name } } } }", 10 + 2 * (1 + 10 + 1)),
        ("mutation { terminateAllSessions { ... on SessionsTerminated { sessions { id } } } }", 10 + 1 + 10),
        ("{ __schema { types { fields { name } } } }", 1_000 + 3),
        ("{ nothing { is { known } } }", 3),
        ("{ me { id ... on Nothing { id } } }", 3),
    ],
)
def test_the_sum_is_the_documented_one(document: str, expected: int) -> None:
    assert cost(document) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"r": [{}] * 4, "n": 3}, 1 + 4 * (1 + 10 + 3 * 10)),
        ({"r": [{}] * 4}, 1 + 4 * (1 + 10 + 20 * 10)),
        ({"r": [], "n": 0}, 1 + 1 + 10 + 10),
        ({"r": {}, "n": "x"}, 1 + 1 + 10 + 20 * 10),
        ({}, 1 + 1 + 10 + 20 * 10),
        ({"n": 100.0}, 1 + 1 + 10 + 100 * 10),  # an `Int` to GraphQL
        ({"n": 1e300}, 1 + 1 + 10 + 100 * 10),
        ({"n": 2.5}, 1 + 1 + 10 + 20 * 10),  # refused later
        ({"n": float("inf")}, 1 + 1 + 10 + 20 * 10),
    ],
)
def test_variables_complete_it(variables: dict[str, Any], expected: int) -> None:
    assert cost(ENTITIES, **variables) == expected


def test_sums_add_and_multiply_as_sums_do() -> None:
    factor = Factor("n", otherwise=1, most=sys.maxsize)
    one = Cost(fixed=3).times(factor)
    one.add(Cost(fixed=4))
    one.add(Cost(fixed=2).times(factor))
    assert (one.of({"n": 10}), one.least) == (54, 9)
    assert one.times(2).of({"n": 10}) == 108
    assert one.times(factor).of({"n": 10}) == 540


def test_a_product_is_one_term_whichever_list_is_within_which() -> None:
    a, b = Factor("a", otherwise=1, most=100), Factor("b", otherwise=1, most=100)
    both = Cost(fixed=2).times(a).times(b)
    both.add(Cost(fixed=3).times(b).times(a))
    assert both.of({"a": 5, "b": 7}) == (2 + 3) * 5 * 7
    assert len(both.scaled) == 3  # a·b, a alone, b alone


def test_the_operation_that_runs_is_the_one_that_is_charged() -> None:
    documents = Documents(SCHEMA, introspection=False)
    query = """
    query Much($n: Int = 100) { a: sessions(first: $n) { ...S } b: sessions(first: $n) { ...S } }
    query Little { me { id } }
    query Other($n: Int) { sessions(first: $n) { totalCount } }
    fragment S on SessionConnection { totalCount nodes { id } edges { cursor node { id ipAddress current } }
      pageInfo { endCursor hasNextPage hasPreviousPage startCursor } t: totalCount }
    """

    def code(name: str | None, **variables: object) -> str:
        return documents.prepare(query, operation_name=name, variables=variables).code

    assert code("Much") == code("Much", n=100) == "OPERATION_TOO_COMPLEX"
    assert code("Much", n=10) == code("Little", n=100) == code("Other", n=100) == ""
    assert code(None) == code("Nobody") == ""  # runs nothing: the endpoint says so


def test_the_error_says_how_much_and_how_much_may_be() -> None:
    documents = Documents(SCHEMA, introspection=False)
    variables = {"r": [{}] * 200, "n": 20}
    (error,) = documents.prepare(ENTITIES, variables=variables).errors
    expected = 1 + 200 * (1 + 10 + 20 * 10)
    assert error.message == f"With these variables the operation costs {expected}; the limit is {MAX_COST}."
    assert error.extensions == {"measure": "cost", "figure": expected, "limit": MAX_COST}
