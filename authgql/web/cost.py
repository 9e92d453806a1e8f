"""What an operation makes the server do is estimated before it runs: a sum that its variables complete.

A field costs 1; one that asks the database, or is as slow, 10; `__schema` and `__type`, which describe
everything, 1,000. What is selected below a list counts once for each entry: as many as `first` asks for (its
default where it is left out, the largest page at most), as many as there are `representations`, and ten
where neither says.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from graphql import (
    FieldNode,
    GraphQLCompositeType,
    GraphQLField,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
    value_from_ast_untyped,
)

from authgql.core.cursors import MAX_PAGE
from authgql.gate.guards import is_slow

FIELD: Final = 1
SLOW_FIELD: Final = 10
INTROSPECTION: Final = 1_000
UNKNOWN_LENGTH: Final = 10
SIZES: Final[Mapping[str, int]] = {
    "first": MAX_PAGE,
    "representations": sys.maxsize,
}  # and the most they may be


class Factor(NamedTuple):
    """How many times something counts, when only the request says."""

    variable: str
    otherwise: int
    most: int


@dataclass(slots=True)
class Cost:
    """A sum; the keys of `scaled` are the factors by which its terms are multiplied, in order.

    A product has one key, whichever list is within which: orders would be as many as paths, 2^n for n levels.
    """

    fixed: int = 0
    scaled: dict[tuple[Factor, ...], int] = field(default_factory=dict)

    def add(self, other: "Cost") -> None:
        """Add another sum."""
        self.fixed += other.fixed
        for factors, cost in other.scaled.items():
            self.scaled[factors] = self.scaled.get(factors, 0) + cost

    def times(self, size: int | Factor) -> "Cost":
        """Return the sum so many times."""
        if isinstance(size, int):
            return Cost(self.fixed * size, {factors: cost * size for factors, cost in self.scaled.items()})
        scaled = {tuple(sorted((size, *factors))): cost for factors, cost in self.scaled.items()}
        return Cost(0, {**scaled, (size,): self.fixed})

    @property
    def least(self) -> int:
        """What it comes to with every list as short as can be."""
        return self.fixed + sum(self.scaled.values())

    def of(self, variables: Mapping[str, Any]) -> int:
        """Return what it comes to with these variables."""
        total = self.fixed
        for factors, cost in self.scaled.items():
            for factor in factors:
                cost *= _count(variables.get(factor.variable), factor.otherwise, factor.most)  # noqa: PLW2901 -- a product
            total += cost
        return total


def own_cost(definition: GraphQLField | None, name: str) -> int:
    """Return what a field costs without what is selected below it."""
    if name in {"__schema", "__type"}:
        return INTROSPECTION
    return SLOW_FIELD if definition and is_slow(definition) else FIELD


def entries(
    definition: GraphQLField | None, node: FieldNode, parent: GraphQLCompositeType | None
) -> int | Factor:
    """Return how many times what is selected below a field counts."""
    if definition is None:
        return 1
    for name, most in SIZES.items():
        if name in definition.args:
            default = _count(definition.args[name].default_value, 1, most)
            given = next(
                (argument.value for argument in node.arguments or () if argument.name.value == name), None
            )
            return _size(given, default, most)
    return UNKNOWN_LENGTH if _is_unbounded(definition, parent) else 1


def _is_unbounded(definition: GraphQLField, parent: GraphQLCompositeType | None) -> bool:
    if not is_list_type(get_nullable_type(definition.type)):
        return False
    if get_named_type(definition.type).name.startswith("__"):
        return False  # paid for at `__schema`
    return not (
        is_object_type(parent) and "pageInfo" in parent.fields
    )  # a page's length is counted at `first`


def _size(given: ValueNode | None, default: int, most: int) -> int | Factor:
    if given is None:
        return default
    if isinstance(given, VariableNode):
        return Factor(given.name.value, default, most)
    return _count(value_from_ast_untyped(given), default, most)


def _count(value: object, otherwise: int, most: int) -> int:
    """Return the number of entries that a value asks for; what is no such value is refused later anyway."""
    if isinstance(value, list):
        return max(1, len(value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # an `Int` may be written 100.0 in the variables
    if isinstance(value, int) and not isinstance(value, bool):
        return max(1, min(value, most))
    return otherwise
