"""Fields of one name in one place are compared two by two, and that is cut short."""

import pytest
from graphql.validation.rules import overlapping_fields_can_be_merged as rule
from support.app import Application
from support.dialects import no_database

pytestmark = no_database

SPREADS = " ".join(f"...F{number}" for number in range(40))
FRAGMENTS = " ".join(f"fragment F{n} on User {{ sessions {{ nodes {{ id }} }} }}" for n in range(40))
OVERLAPPING = {
    "leaves": "{ me { " + "id " * 300 + "} }",
    "objects": "{ me { " + "sessions { nodes { id } } " * 60 + "} }",
    "inline fragments": "{ me { " + "... on User { sessions { nodes { id } } } " * 50 + "} }",
    "fragments": f"{{ me {{ {SPREADS} }} }} {FRAGMENTS}",
    "arguments": "{ me { " + "sessions(first: 1) { totalCount } " * 60 + "} }",
}


@pytest.mark.parametrize("document", OVERLAPPING.values(), ids=OVERLAPPING)
async def test_much_to_compare_is_not_compared(
    app: Application, document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0
    original = rule.find_conflict

    def counting(*args: object) -> object:
        nonlocal compared
        compared += 1
        return original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(rule, "find_conflict", counting)
    (error,) = (await app.gql(document)).body["errors"]
    assert error["extensions"] == {
        "code": "OPERATION_TOO_COMPLEX",
        "measure": "comparisons",
        "figure": 3_001,
        "limit": 3_000,
    }
    assert compared <= 1_501  # each takes two of them or more


async def test_fields_that_do_conflict_are_still_told(app: Application) -> None:
    answer = await app.gql("{ me { a: id a: username } }")
    assert answer.codes == ["GRAPHQL_VALIDATION_FAILED"]
    assert "conflict" in answer.body["errors"][0]["message"]


async def test_many_conflicts_are_told_up_to_a_number(app: Application) -> None:
    conflicts = " ".join(f"a{n}: id a{n}: username" for n in range(12))
    answer = await app.gql(f"{{ me {{ {conflicts} }} }}")
    assert set(answer.codes) == {"GRAPHQL_VALIDATION_FAILED"}
    assert len(answer.codes) == 11


async def test_what_clients_repeat_is_merged(app: Application) -> None:
    names = [f"F{number}" for number in range(15)]
    fragments = " ".join(f"fragment {name} on User {{ __typename id username }}" for name in names)
    spreads = " ".join(f"...{name}" for name in names)
    assert (await app.gql(f"{{ me {{ id {spreads} }} }} {fragments}")).data == {"me": None}
