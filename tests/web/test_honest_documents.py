"""What clients, tools and gateways really send stays far below every limit."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, get_introspection_query, parse
from support import accounts, documents

from authgql.web import bounds
from authgql.web.account import pages
from authgql.web.bounds import check_size
from authgql.web.complexity import Complexity
from authgql.web.documents import Documents
from authgql.web.graphiql import page
from authgql.web.graphiql.examples import read_examples
from authgql.web.schema import build_schema

SCHEMA = build_schema()._schema  # noqa: SLF001 -- as in app.py
GRAPHIQL = Path(page.__file__).parent

# As Apollo's gateway and Hive's write them: names and representations of their own, `__typename` everywhere.
GATEWAYS = {
    "Apollo": "query Posts__authgql__1($representations:[_Any!]!)"
    "{_entities(representations:$representations){...on User{username firstName}"
    "...on Session{device{name kind}lastSeenAt}}}",
    "Hive": "query Posts($_v0_representations:[_Any!]!,$_v1_first:Int)"
    "{_0_me:me{__typename id}__typename "
    "_v0__entities:_entities(representations:$_v0_representations){__typename ...on User{__typename id"
    " username sessions(first:$_v1_first){__typename nodes{__typename id}}}}}",
    "composition": "query SubgraphIntrospectQuery { _service { sdl } }",
}


def honest() -> Iterator[tuple[str, str]]:
    for module in (documents, accounts):
        for name, text in vars(module).items():
            if name.isupper() and "{" in str(text) and text not in {documents.REFUSAL, accounts.REFUSED}:
                yield name, text
    yield from (
        (example["title"], example["query"]) for example in read_examples(GRAPHIQL / "examples.graphql")
    )
    yield from ((f"page {number}", text) for number, text in enumerate(pages.documents()))
    yield "introspection", get_introspection_query()
    yield "all of introspection", get_introspection_query(True, True, True, True, True)
    yield from GATEWAYS.items()


HONEST = dict(honest())


@pytest.mark.parametrize("query", HONEST.values(), ids=HONEST)
def test_it_takes_at_most_half_of_each_limit(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = parse(query)
    for limit in [name for name in vars(bounds) if name.startswith("MAX_")]:
        if limit != "MAX_INTROSPECTION_DEPTH":  # lists within lists: the standard query has all three
            monkeypatch.setattr(bounds, limit, getattr(bounds, limit) // 2)
    (operation,) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    cost = Complexity(SCHEMA, document).of(operation).cost
    assert cost.of({}) <= bounds.MAX_COST
    assert check_size(query)
    prepared = Documents(SCHEMA, introspection=True).prepare(query)
    assert (prepared.code, prepared.errors) == ("", ())
