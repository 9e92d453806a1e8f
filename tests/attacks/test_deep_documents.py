"""What is deep, long, or full of directives is refused before it is understood."""

import pytest
from support.app import Application
from support.dialects import no_database
from support.hostile import fragment_bomb, nested

pytestmark = no_database

TOO_MUCH = {
    "tokens": ("{ me { " + "id " * 1_000 + "} }", "tokens"),
    "comments": ("#\n" * 1_001 + "{ me { id } }", "tokens"),
    "directives": ("{ me " + "@a " * 990 + "{ id } }", "tokens"),
    "braces": (nested("{ a ", "", "}", 100), "nesting"),
    "unclosed braces": ("{" * 900, "nesting"),
    "lists": ("{ user(username: " + nested("[", "1", "]", 400) + ") { id } }", "nesting"),
    "objects": ("{ user(username: " + nested("{a: ", "1", "}", 200) + ") { id } }", "nesting"),
    "types": ("query ($a: " + nested("[", "Int", "]", 400) + ") { __typename }", "nesting"),
    "fields": ("{ me " + nested("{ id ", "", "}", 11) + "}", "depth"),
    "fields through fragments": (fragment_bomb(11, "me {{ ...{0} }}"), "depth"),
    "repeated directives": ("{ me { id " + "@include(if: true) " * 51 + "} }", "directives"),
    "directives on a fragment": (
        "{ ...F } fragment F on Query { __typename " + "@a " * 51 + "}",
        "directives",
    ),
    "directives on variables": ("query ($a: Int " + "@a " * 51 + ") { __typename }", "directives"),
    "directives on the operation": ("query " + "@a " * 51 + "{ __typename }", "directives"),
}


@pytest.mark.parametrize(("document", "measure"), TOO_MUCH.values(), ids=TOO_MUCH)
@pytest.mark.parametrize(("accept", "status"), [("application/graphql-response+json", 400), ("*/*", 200)])
async def test_it_is_told_of_what_there_is_too_much(
    app: Application, document: str, measure: str, accept: str, status: int
) -> None:
    answer = await app.gql(document, headers={"accept": accept})
    (error,) = answer.body["errors"]
    told = error["extensions"]
    assert (answer.status, told["code"], told["measure"]) == (status, "OPERATION_TOO_COMPLEX", measure)
    assert told["figure"] > told["limit"]
    assert str(told["figure"]) in error["message"]
    assert f"the limit is {told['limit']}." in error["message"]
    assert "data" not in answer.body


async def test_all_that_is_too_much_is_told_at_once(app: Application) -> None:
    document = "{ " + "".join(f"a{n}: me {{ id @skip(if: false) @a }} " for n in range(31)) + "}"
    measures = [error["extensions"]["measure"] for error in (await app.gql(document)).body["errors"]]
    assert measures == ["rootFields", "aliases", "directives"]
