"""Fragments that spread each other twice, or in circles, cost what they are long, not what they say."""

import pytest
from support.app import Application
from support.dialects import no_database
from support.hostile import fragment_bomb, price_bomb

from authgql.web.bounds import MAX_TERMS

pytestmark = no_database

BOMBS = {
    "fields": ("...{0} ...{0}", "__typename", "rootFields"),
    "aliases": ("a: me {{ id }} ...{0} ...{0}", "b: __typename", "aliases"),
    "directives": ("...{0} @skip(if: true) ...{0} @include(if: false)", "__typename", "directives"),
    "inline": ("... {{ ...{0} }} ... on Query {{ ...{0} }}", "__typename", "rootFields"),
    "logins": ("...{0} ...{0}", 'passwordResetToken(token: "x") { __typename }', "passwordResetToken"),
}


@pytest.mark.parametrize("links", [10, 20, 40])
@pytest.mark.parametrize(("each", "last", "measure"), BOMBS.values(), ids=BOMBS)
async def test_a_fragment_bomb_is_refused_with_its_figure(
    app: Application, links: int, each: str, last: str, measure: str
) -> None:
    answer = await app.gql(fragment_bomb(links, each, last))
    assert set(answer.codes) == {"OPERATION_TOO_COMPLEX"}
    figures = {error["extensions"]["measure"]: error["extensions"] for error in answer.body["errors"]}
    assert figures[measure]["figure"] >= min(2**links, 1_000_000_000)


async def test_a_bomb_inside_one_field_is_a_cost(app: Application) -> None:
    bomb = fragment_bomb(30, last="id", on="User").replace("{ ...F0 }", "{ me { ...F0 } }", 1)
    (error,) = (await app.gql(bomb)).body["errors"]
    assert error["extensions"] == {
        "code": "OPERATION_TOO_COMPLEX",
        "measure": "cost",
        "figure": 1_000_000_000,
        "limit": 5_000,
    }
    assert error["message"] == "The operation costs 1000000000; the limit is 5000."


@pytest.mark.parametrize(
    ("names", "levels"), [("a", 40), ("ab", 12), ("ab", 18), ("abc", 9), ("abcdefgh", 4)]
)
async def test_a_price_in_as_many_variables_as_there_are_paths_is_not_added_up(
    app: Application, names: str, levels: int
) -> None:
    (error,) = (await app.gql(price_bomb(names, levels), dict.fromkeys(names, 1))).body["errors"]
    told = error["extensions"]
    assert (told["code"], told["measure"], told["limit"]) == ("OPERATION_TOO_COMPLEX", "terms", MAX_TERMS)
    assert MAX_TERMS < told["figure"] <= 2 * MAX_TERMS + 1


@pytest.mark.parametrize(("names", "levels"), [("a", 20), ("ab", 6), ("abcdefgh", 1)])
async def test_what_is_counted_below_that_is_refused_for_what_it_is(
    app: Application, names: str, levels: int
) -> None:
    answer = await app.gql(price_bomb(names, levels), dict.fromkeys(names, 1))
    assert set(answer.codes) <= {"OPERATION_TOO_COMPLEX", "GRAPHQL_VALIDATION_FAILED"}
    assert "data" not in answer.body


@pytest.mark.parametrize("length", [1, 2, 30])
async def test_fragments_in_a_circle_are_refused(app: Application, length: int) -> None:
    circle = (f"fragment F{n} on Query {{ me {{ id }} ...F{(n + 1) % length} }}" for n in range(length))
    answer = await app.gql("{ ...F0 } " + " ".join(circle))
    assert set(answer.codes) <= {"GRAPHQL_VALIDATION_FAILED", "OPERATION_TOO_COMPLEX"}
    assert "data" not in answer.body


async def test_every_fragment_that_spreads_every_other_is_refused(app: Application) -> None:
    spread = " ".join(f"...F{number}" for number in range(15))
    circles = " ".join(f"fragment F{number} on Query {{ {spread} }}" for number in range(15))
    answer = await app.gql(f"{{ ...F0 }} {circles}")
    assert set(answer.codes) <= {"GRAPHQL_VALIDATION_FAILED", "OPERATION_TOO_COMPLEX"}
    assert "data" not in answer.body
