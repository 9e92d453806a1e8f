"""Documents are prepared once, in bounded memory, and a hostile one is refused before it costs anything."""

import gc
import time
import tracemalloc
from collections.abc import Iterator
from itertools import chain

import graphql
import pytest
from support.app import Application
from support.dialects import no_database
from support.documents import SESSIONS

from authgql.web import documents
from authgql.web.documents import Documents, Prepared, selected_operation
from authgql.web.schema import build_schema

SCHEMA = build_schema()._schema  # noqa: SLF001 -- as in app.py
WORK = ["check_size", "parse", "Complexity", "validate"]
QUICK_SECONDS = 2.0  # of CPU time: what is exponential takes minutes


@pytest.fixture
def prepared() -> Documents:
    return Documents(SCHEMA, introspection=True)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write down every parsing and validating of a document."""
    seen: list[str] = []

    def noting(name: str) -> None:
        original = getattr(documents, name)

        def wrapper(*args: object, **kwargs: object) -> object:
            seen.append(name)
            return original(*args, **kwargs)

        monkeypatch.setattr(documents, name, wrapper)

    for name in WORK:
        noting(name)
    return seen


def test_a_known_document_is_neither_parsed_nor_validated_again(prepared: Documents, work: list[str]) -> None:
    first = prepared.prepare("{ me { id } }")
    again = prepared.prepare("{ me { id } }")
    assert again is first
    assert work == WORK


@no_database
async def test_the_second_request_with_a_document_costs_neither(app: Application, work: list[str]) -> None:
    variables = {"first": 3}
    for _ in range(3):
        assert (await app.gql(SESSIONS, variables)).codes == ["UNAUTHENTICATED"]
    assert work == WORK


def test_a_wrong_document_takes_no_memory(prepared: Documents, work: list[str]) -> None:
    for _ in range(2):
        assert prepared.prepare("{ nope }").code == "GRAPHQL_VALIDATION_FAILED"
        assert prepared.prepare("{").code == "GRAPHQL_PARSE_FAILED"
        assert prepared.prepare("{" * 99).code == "OPERATION_TOO_COMPLEX"
    assert work == [*WORK, "check_size", "parse", "check_size"] * 2
    assert (len(prepared._known), prepared._weight) == (0, 0)  # noqa: SLF001 -- memory cannot be seen from outside


def test_what_was_used_longest_ago_is_forgotten_first(
    prepared: Documents, work: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "CACHED_DOCUMENTS", 3)
    a, b, c, d = (f"{{ {name}: __typename }}" for name in "abcd")
    for query in (a, b, c, a, d):  # b is the one to go
        prepared.prepare(query)
    work.clear()
    for query in (a, c, d):
        prepared.prepare(query)
    assert work == []
    prepared.prepare(b)
    assert work == WORK


def test_heavy_documents_are_remembered_up_to_so_many_bytes(
    prepared: Documents, work: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = (f"{{ {name}: __typename }} # {'x' * 9_980}" for name in "abc")
    monkeypatch.setattr(documents, "CACHED_BYTES", 60_000)  # each is 10 kB of text, twice, and some tokens
    for query in (a, b, c):
        prepared.prepare(query)
    work.clear()
    prepared.prepare(c)
    prepared.prepare(b)
    assert work == []
    prepared.prepare(a)
    assert work == WORK


def test_a_document_that_alone_is_too_heavy_to_remember_still_runs(
    prepared: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "CACHED_BYTES", 10)
    assert prepared.prepare("{ me { id } }").document
    assert prepared.prepare("{ me { id } }").document


def test_the_bounds_hold_under_a_flood_of_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "CACHED_DOCUMENTS", 50)
    flooded = Documents(SCHEMA, introspection=False)
    for number in range(200):
        flooded.prepare(f"{{ a{number}: __typename }}")
    known = flooded._known.values()  # noqa: SLF001 -- memory cannot be seen from outside
    assert len(known) == 50
    assert flooded._weight == sum(each.weight for each in known)  # noqa: SLF001


WEIGHED = {
    "ordinary": SESSIONS,
    "introspection": graphql.get_introspection_query(),
    "spreads": "{" + "...F " * 15 + "} fragment F on Query { __typename }",
    "directives": "{" + "".join(f"a{n}: me @skip(if: true) {{ id }} " for n in range(20)) + "}",
    "lists": "{ _entities(representations: [" + "[]" * 450 + "]) { __typename } }",
    "fields that fragments multiply": "{"
    + "".join(f"s{n}: currentSession {{ ...S }} " for n in range(20))
    + "} fragment S on Session { id status device { name kind } token { id issuedAt } }",
    "fields of every member": "mutation {"
    + "".join(
        f"u{n}: updateProfile(input: {{}}) {{ ... on Refusal {{ code message }} __typename }} "
        for n in range(20)
    )
    + "}",
    "objects without fields": "{"
    + "".join(f"s{n}: sessions {{ pageInfo {{ __typename }} }} " for n in range(20))
    + "}",
    "comments": "#\n" * 900 + "{ me { id } }",
    "a long string": '{ user(username: "' + "b" * 6_000 + '") { id } }',
    "a long string of emoji": '{ user(username: "' + "\N{SNAKE}" * 1_500 + '") { id } }',
}


@pytest.mark.parametrize("query", WEIGHED.values(), ids=WEIGHED)
def test_the_bytes_that_are_counted_are_no_fewer_than_those_that_are_taken(
    prepared: Documents, query: str
) -> None:
    tracemalloc.start()
    try:
        counted = sum(prepared.prepare(query + " " * more).weight for more in range(1, 6))
        gc.collect()
        with_them, _ = tracemalloc.get_traced_memory()
        prepared._known.clear()  # noqa: SLF001 -- what is freed by that is what they took
        gc.collect()
        without_them, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    taken = with_them - without_them
    assert taken < counted < 4 * taken


def test_no_more_errors_are_told_than_help(prepared: Documents) -> None:
    many = "{ me {" + " ".join(f"nope{number}" for number in range(500)) + "} }"
    assert len(prepared.prepare(many).errors) == documents.MAX_ERRORS + 1  # and that there are more


@pytest.mark.parametrize(
    ("document", "name", "kind"),
    [
        ("{ me { id } }", None, graphql.OperationType.QUERY),
        ("mutation { logout { __typename } }", None, graphql.OperationType.MUTATION),
        ("query A { me { id } } mutation B { logout { __typename } }", "B", graphql.OperationType.MUTATION),
        ("query A { me { id } } query B { me { id } }", None, None),
        ("query A { me { id } }", "B", None),
        ("fragment F on User { id }", None, None),
    ],
)
def test_the_operation_that_a_name_selects(
    document: str, name: str | None, kind: graphql.OperationType | None
) -> None:
    assert selected_operation(graphql.parse(document), name) is kind


# ---------------------------------------------------------------- hostile documents


def nested(opening: str, middle: str, closing: str, depth: int) -> str:
    return opening * depth + middle + closing * depth


def fragments(count: int, each: str, last: str = "__typename") -> str:
    """Fragments that spread the next one: F0 the second, and so on."""
    links = (f"fragment F{n} on Query {{ {each.format(n + 1)} }}" for n in range(count))
    return " ".join(chain(["{ ...F0 }"], links, [f"fragment F{count} on Query {{ {last} }}"]))


HOSTILE = {
    "braces": nested("{a", "", "}", 30_000),
    "unclosed braces": "{" * 60_000,
    "inline fragments": "{" + nested("... on Query {", "__typename", "}", 4_000) + "}",
    "lists": "{ sessions(first: " + nested("[", "1", "]", 30_000) + ") { nodes { id } } }",
    "unclosed lists": "{ sessions(first: " + "[" * 60_000,
    "objects": "mutation { login(input: " + nested("{username: ", "1", "}", 4_500) + ") { __typename } }",
    "types": "query ($a: " + nested("[", "Int", "]", 30_000) + ") { __typename }",
    "many fields": "{" + " me" * 20_000 + "}",
    "many aliases": "{" + " ".join(f"a{n}: me {{ id }}" for n in range(3_500)) + "}",
    "many directives": "{ me" + " @skip(if: false)" * 3_500 + " { id } }",
    "one long name": "{" + "a" * 65_000 + "}",
    "one long string": '{ user(username: "' + "a" * 65_000,
    "comments": "#\n" * 30_000,
    "commas": "," * 65_000,
    "a long chain of fragments": fragments(1_000, "...F{}"),
    "fragments in a circle": fragments(20, "...F{}", "...F0"),
    "fragments that double": fragments(60, "...F{0} ...F{0}"),
    "overlapping fields": "{" + "me { id ... on User { id } } " * 150 + "}",
    "deep introspection": "{ __schema { types {" + nested("fields { type {", "name", "}}", 100) + "}}}",
}


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_is_refused_quickly(prepared: Documents, query: str) -> None:
    started = time.process_time()
    result = prepared.prepare(query)
    assert time.process_time() - started < QUICK_SECONDS
    assert result.document is None
    assert result.code in {"OPERATION_TOO_COMPLEX", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}


def ladder(opening: str, closing: str) -> Iterator[str]:
    """The same nesting at each depth around that where the parser gives up."""
    for depth in range(5, 300, 5):
        yield "{" + nested(opening, "__typename", closing, depth) + "}"


@pytest.mark.parametrize(("opening", "closing"), [("... on Query {", "}"), ("... {", "}")])
def test_at_no_depth_does_a_document_pass_that_then_cannot_be_run(
    prepared: Documents, opening: str, closing: str
) -> None:
    kinds = set()
    for query in ladder(opening, closing):
        result = prepared.prepare(query)
        kinds.add(result.code)
        if result.document:
            assert graphql.execute_sync(SCHEMA, result.document).data == {"__typename": "Query"}
    assert kinds == {"", "OPERATION_TOO_COMPLEX"}


def test_at_no_length_does_a_chain_of_fragments_pass_that_then_cannot_be_run(prepared: Documents) -> None:
    results = {count: prepared.prepare(fragments(count, "...F{}")) for count in range(5, 300, 5)}
    assert {result.code for result in results.values()} == {"", "OPERATION_TOO_COMPLEX"}
    for result in filter(runs, results.values()):
        assert result.document
        assert graphql.execute_sync(SCHEMA, result.document).data == {"__typename": "Query"}


def runs(result: Prepared) -> bool:
    return result.document is not None
