"""What it costs to refuse 2 kB of hostile GraphQL, and to prepare an honest document for the second time."""

import gc
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from statistics import median
from typing import Final

from graphql import GraphQLError, parse, validate

from authgql.web.documents import Documents
from authgql.web.schema import build_schema

BYTES: Final = 2_048
BUDGET_MS: Final = 20.0
ROUNDS: Final = 20
REPEATS: Final = 100_000
SCHEMA: Final = build_schema()._schema  # noqa: SLF001 -- as in app.py
ME: Final = "{ me { id username email } }"
PAGE: Final = "query ($first: Int) { sessions(first: $first) { nodes { id current device { name } } } }"


def fragments(count: int, each: str) -> str:
    """Return a query and fragments, each holding what `each` says of the next one's number."""
    chain = "".join(f"fragment F{n} on User{{{each.format(n + 1)}}}" for n in range(count))
    return f"{{me{{...F0}}}}{chain}fragment F{count} on User{{id}}"


def repeated(start: str, each: str, end: str) -> Callable[[int], str]:
    """Repeat something so many times, `{0}` being its number."""
    return lambda count: start + "".join(each.format(number) for number in range(count)) + end


def spread_together(count: int) -> str:
    """Spread fragments that select the same in one place."""
    spreads = "".join(f"...F{n} " for n in range(count))
    chain = "".join(f"fragment F{n} on User{{sessions{{nodes{{id}}}}}}" for n in range(count))
    return f"{{me{{{spreads}}}}}{chain}"


def variable_lists(names: str) -> Callable[[int], str]:
    """Nest lists through fragments, each as long as any of the variables says."""
    declared = ",".join(f"${name}:Int" for name in names)
    each = "".join(f"{name}:sessions(first:${name}){{{{...F{{0}}}}}}" for name in names)
    return lambda count: f"query({declared})" + fragments(count, each)


def spread_terms(count: int) -> str:
    """Spread a cost of as many terms as may be, again and again."""
    chain = variable_lists("ab")(6)
    return f"{chain}fragment F on User{{{'...F0 ' * count}}}"


def circles(count: int) -> str:
    """Have fragments spread two others each, in circles."""
    chain = (f"fragment F{n} on Query{{...F{(n + 1) % count} ...F{(n + 7) % count}}}" for n in range(count))
    return "{...F0}" + "".join(chain)


LOGIN: Final = 'a{0}:login(input:{{username:"a",password:"b"}}){{__typename}}'
SHAPES: Final[dict[str, Callable[[int], str]]] = {
    "fragments that double": lambda count: fragments(count, "...F{0} ...F{0}"),
    "lists of one variable's length": variable_lists("a"),
    "lists of two variables' lengths": variable_lists("ab"),
    "lists of three variables' lengths": variable_lists("abc"),
    "lists of eight variables' lengths": variable_lists("abcdefgh"),
    "prices of many terms": spread_terms,
    "fragments in circles": circles,
    "fragments in one place": spread_together,
    "spreads of nothing": repeated("{", "...F{0} ", "}"),
    "aliased logins": repeated("mutation{", LOGIN, "}"),
    "aliases": repeated("{me{", "a{0}:id ", "}}"),
    "one field again and again": repeated("{", "me{{id}}", "}"),
    "overlapping leaves": repeated("{me{", "id ", "}}"),
    "overlapping lists": repeated("{me{", "sessions{{nodes{{id}}}}", "}}"),
    "directives": repeated("{me", "@a", "{id}}"),
    "`@skip` again and again": repeated("{me", "@skip(if:true)", "{id}}"),
    "nested lists": lambda count: "{user(username:" + "[" * count + "]" * count + "){id}}",
    "nested fields": lambda count: "{a" * count + "}" * count,
    "deep introspection": lambda count: (
        "{__schema{types{" + "fields{type{" * count + "name" + "}}" * count + "}}}"
    ),
    "wide introspection": repeated("{__schema{types{", "a{0}:fields{{args{{name}}}}", "}}}"),
    "tokens": repeated("{", "a ", "}"),
    "comments": repeated("", "#\n", "{me{{id}}}"),
    "variables": repeated("query(", "$a{0}:Int", "){me{id}}"),
    "arguments": repeated("{user(", "a{0}:1 ", "){id}}"),
    "unknown names": repeated("{me{", "usernam{0} ", "}}"),
    "a name without end": lambda count: "{" + "m" * count + "}",
}


def main() -> None:
    """Print both tables; exit 1 if a shape is not refused, or not in time."""
    gc.collect()
    gc.freeze()  # as the server does when it has started
    slow = [name for name, make in SHAPES.items() if _hostile(name, _largest(make)) > BUDGET_MS]
    print()
    for name, query in (("of fixed cost", ME), ("with its cost in a variable", PAGE)):
        _honest(name, query)
    if slow:
        sys.exit(f"Slower than {BUDGET_MS} ms: {', '.join(slow)}")


def _largest(make: Callable[[int], str]) -> str:
    count = 1
    while len(make(count + 1)) <= BYTES:
        count += 1
    return make(count)


def _hostile(name: str, query: str) -> float:
    documents = Documents(SCHEMA, introspection=True)
    prepared = documents.prepare(query)
    assert prepared.document is None, name
    times = sorted(_milliseconds(lambda: documents.prepare(query)) for _ in range(ROUNDS))
    told = prepared.errors[0].extensions or {}
    without = _milliseconds(lambda: _by_the_library(query))
    reason = told.get("measure", prepared.code)
    print(f"| {name} | {len(query):,} | {reason} | {median(times):.1f} | {times[-1]:.1f} | {without:.0f} |")
    return median(times)


def _by_the_library(query: str) -> None:
    with suppress(GraphQLError):
        validate(SCHEMA, parse(query))


def _honest(name: str, query: str) -> None:
    documents = Documents(SCHEMA, introspection=False)
    first = _milliseconds(lambda: documents.prepare(query))
    again = _milliseconds(lambda: [documents.prepare(query, variables={"first": 20}) for _ in range(REPEATS)])
    print(f"| {name} | {first:.1f} | {again / REPEATS * 1000:.1f} |")


def _milliseconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


if __name__ == "__main__":
    main()
