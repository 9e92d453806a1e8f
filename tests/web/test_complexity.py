"""What is counted through fragments, each looked at once, is what a naive expansion of them counts."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from authgql.web import complexity
from authgql.web.complexity import Complexity, Figures
from authgql.web.cost import own_cost
from authgql.web.schema import build_schema

SCHEMA = build_schema()._schema  # noqa: SLF001 -- as in app.py
VARIABLES: Mapping[str, Any] = {"n": 7, "r": [{}, {}, {}]}

# Of each type some fields, with the type of what is selected below.
FIELDS: Mapping[str, Mapping[str, str | None]] = {
    "Query": {
        "me": "User",
        "currentSession": "Session",
        "sessions(first: 3)": "SessionConnection",
        "sessions(first: $n)": "SessionConnection",
        "_entities(representations: $r)": "_Entity",
        "_entities(representations: [1, 2])": "_Entity",
        'passwordResetToken(token: "x")': "PasswordResetTokenResult",
        "__schema": "__Schema",
        "nobodyKnows": None,
    },
    "User": {
        "id": None,
        "email": None,
        "sessions": "SessionConnection",
        "sessions(first: $n)": "SessionConnection",
    },
    "SessionConnection": {"nodes": "Session", "edges": "SessionEdge", "totalCount": None},
    "SessionEdge": {"node": "Session", "cursor": None},
    "Session": {"id": None, "device": "SessionDevice"},
    "SessionDevice": {"name": None},
    "_Entity": {"__typename": None},
    "PasswordResetTokenResult": {"__typename": None},
    "__Schema": {"types": "__Type", "queryType": "__Type"},
    "__Type": {"name": None, "fields": "__Field", "ofType": "__Type", "interfaces": "__Type"},
    "__Field": {"type": "__Type", "args": "__InputValue"},
    "__InputValue": {"type": "__Type"},
}
TIMES = {"sessions": 20, "sessions(first: 3)": 3, "sessions(first: $n)": 7}
TIMES |= {"_entities(representations: $r)": 3, "_entities(representations: [1, 2])": 2}
OWN = {"sessions": 10, "passwordResetToken": 10, "totalCount": 10, "__schema": 1_000}


@st.composite
def selections(draw: st.DrawFn, parent: str, spreads: list[str], depth: int = 0) -> str:
    """A selection set of a type that exists, with fragments of any."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        directives = " @include(if: true)" * draw(st.sampled_from([0, 0, 0, 1, 2]))
        kind = draw(st.sampled_from(["field", "field", "spread", "inline"]))
        if kind == "spread" and spreads:
            parts.append(f"...{draw(st.sampled_from(spreads))}{directives}")
        elif kind == "inline" and depth < 4:
            other = draw(st.sampled_from(["", f"on {parent} ", "on User ", "on Nothing "]))
            inner = "User" if "User" in other else parent
            parts.append(f"... {other}{directives} {draw(selections(inner, spreads, depth + 1))}")
        else:
            parts.append(draw(a_field(parent, spreads, depth, directives)))
    return "{ " + " ".join(parts) + " }"


@st.composite
def a_field(draw: st.DrawFn, parent: str, spreads: list[str], depth: int, directives: str) -> str:
    spelled, type_ = draw(st.sampled_from(sorted(FIELDS[parent].items())))
    alias = draw(st.sampled_from(["", "", "a: "]))
    if type_ is None or depth >= 4:
        return f"{alias}{spelled}{directives}"
    return f"{alias}{spelled}{directives} {draw(selections(type_, spreads, depth + 1))}"


@st.composite
def documents(draw: st.DrawFn, *, cycles: bool) -> str:
    names = [f"F{number}" for number in range(draw(st.integers(0, 5)))]
    fragments = []
    for number, name in enumerate(names):
        type_ = draw(st.sampled_from(sorted(FIELDS)))
        spreads = [*names, "Missing"] if cycles else names[number + 1 :]
        fragments.append(f"fragment {name} on {type_} {draw(selections(type_, spreads))}")
    operation = f"query ($n: Int @d, $r: [_Any!]!) @e {draw(selections('Query', names))}"
    return "\n".join(draw(st.permutations([operation, *fragments])))


@dataclass
class Naive:
    """Expands every fragment wherever it is spread, and looks at each field again and again."""

    fragments: Mapping[str, FragmentDefinitionNode]
    aliases: int = 0
    directives: int = 0
    depth: int = 0
    lists: int = 0
    top: int = 0
    cost: int = 0
    once: Counter[str] = field(default_factory=Counter)

    def visit(
        self,
        node: SelectionSetNode,
        parent: str,
        *,
        level: int = 0,
        at: int = 0,
        within: int = 0,
        times: int = 1,
    ) -> None:
        for selection in node.selections:
            self.directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                self.visit_field(selection, parent, level=level, at=at, within=within, times=times)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = condition.name.value if condition else parent
                self.visit(selection.selection_set, inner, level=level, at=at, within=within, times=times)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
                self.directives += len(fragment.directives or ())
                inner = fragment.type_condition.name.value
                self.visit(fragment.selection_set, inner, level=level, at=at, within=within, times=times)

    def visit_field(
        self, node: FieldNode, parent: str, *, level: int, at: int, within: int, times: int
    ) -> None:
        name = node.name.value
        spelled = name
        for argument in node.arguments or ():
            source = argument.loc.source.body[argument.loc.start : argument.loc.end] if argument.loc else ""
            spelled = f"{name}({source})"
        known = FIELDS.get(parent, {})
        type_ = known.get(spelled, known.get(name))
        is_known = spelled in known or name == "__typename"
        describes = parent.startswith("__")
        at += not describes
        within += describes and name in {"types", "fields", "args", "interfaces"}
        self.depth, self.lists = max(self.depth, at), max(self.lists, within)
        self.aliases += node.alias is not None
        self.top += level == 0
        self.cost += times * (OWN.get(name, 1) if is_known or name == "__schema" else 1)
        self.once[name] += name == "passwordResetToken" and is_known
        if node.selection_set:
            times *= TIMES.get(spelled, 1) if is_known else 1
            self.visit(
                node.selection_set, type_ or "Nothing", level=level + 1, at=at, within=within, times=times
            )


def figures_of(document: DocumentNode) -> Figures:
    counted = Complexity(SCHEMA, document)
    (operation,) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return counted.of(operation)


@settings(max_examples=80, deadline=None)
@given(documents(cycles=False))
def test_every_figure_is_that_of_the_naive_count(text: str) -> None:
    document = parse(text)
    figures = figures_of(document)
    named = (node for node in document.definitions if isinstance(node, FragmentDefinitionNode))
    naive = Naive({node.name.value: node for node in named}, directives=2)  # @d and @e
    (operation,) = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    naive.visit(operation.selection_set, "Query")
    assert figures.aliases == naive.aliases
    assert figures.directives == naive.directives
    assert figures.depth == naive.depth
    assert figures.introspection_depth == naive.lists
    assert figures.fields == naive.top
    assert +figures.once == +naive.once
    assert figures.cost.of(VARIABLES) == naive.cost
    assert figures.cost.least <= naive.cost


@settings(max_examples=50, deadline=None)
@given(documents(cycles=True))
def test_cycles_and_fragments_that_are_not_there_end_the_count_and_not_the_process(text: str) -> None:
    assert figures_of(parse(text)).fields >= 0


@pytest.mark.parametrize("links", [10, 30, 60])
def test_a_field_is_looked_at_once_however_often_its_fragment_is_spread(
    links: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def counting(definition: Any, name: str) -> int:
        looked_at.append(name)
        return own_cost(definition, name)

    monkeypatch.setattr(complexity, "own_cost", counting)
    chain = " ".join(f"fragment F{n} on User {{ ...F{n + 1} a: id ...F{n + 1} }}" for n in range(links))
    figures = figures_of(parse(f"{{ me {{ ...F0 }} }} {chain} fragment F{links} on User {{ id }}"))
    assert figures.aliases == 2**links - 1
    assert len(looked_at) == links + 2


def test_the_order_of_the_definitions_does_not_matter() -> None:
    parts = [
        "{ me { ...A } }",
        "fragment A on User { ...B ...C a: id }",
        "fragment B on User { ...C b: id }",
        "fragment C on User { c: id }",
    ]
    assert {
        figures_of(parse(" ".join(order))).aliases for order in (parts, parts[::-1], parts[2:] + parts[:2])
    } == {4}
