"""How much is in an operation, counted through its fragments, each of which is looked at once.

A fragment that spreads another twice holds it twice, so thirty fragments of 25 bytes can hold a thousand
million fields. Whatever adds up fragment by fragment is therefore remembered for each, and a cost of too many
terms is given up; the time is linear in the length of the document. `@skip` and `@include` change nothing:
what may be there is counted.
"""

from collections.abc import Iterator, Sequence

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from authgql.gate.guards import is_once_per_request
from authgql.web.bounds import check_terms
from authgql.web.cost import entries, own_cost
from authgql.web.figures import Figures


class Complexity:
    """Counts what is in a document's operations, or raises `TooComplex` where the count itself would be long.

    The document need not be valid, or free of cycles.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._counted: dict[str, Figures] = {}
        for name in self._innermost_first():
            self._counted[name] = self._fragment(self._fragments[name])

    def of(self, operation: OperationDefinitionNode) -> Figures:
        """Count what is in an operation."""
        figures = self._selections(operation.selection_set, self._schema.get_root_type(operation.operation))
        variables = operation.variable_definitions or ()
        figures.directives += _directives(operation) + sum(map(_directives, variables))
        return figures

    def _innermost_first(self) -> Iterator[str]:
        """Order the fragments so that each comes after those that it spreads, without recursion.

        In a cycle, which validation refuses, one of them counts as empty to another.
        """
        spreads = {name: list(_spreads(fragment.selection_set)) for name, fragment in self._fragments.items()}
        entered: set[str] = set()
        for first in spreads:
            path = [first]
            while path:
                name = path[-1]
                if name not in entered:
                    entered.add(name)
                    path += [inner for inner in spreads[name] if inner in spreads and inner not in entered]
                else:
                    path.pop()
                    if name in spreads and name not in self._counted:
                        yield name

    def _fragment(self, fragment: FragmentDefinitionNode) -> Figures:
        figures = self._selections(fragment.selection_set, self._named(fragment.type_condition))
        figures.directives += _directives(fragment)
        return figures

    def _selections(self, selection_set: SelectionSetNode, parent: GraphQLCompositeType | None) -> Figures:
        figures = Figures()
        for selection in selection_set.selections:
            figures.directives += _directives(selection)
            self._count(selection, parent, figures)
            check_terms(len(figures.cost.scaled))
        return figures

    def _count(self, node: SelectionNode, parent: GraphQLCompositeType | None, figures: Figures) -> None:
        if isinstance(node, FieldNode):
            self._count_field(node, parent, figures)
        elif isinstance(node, InlineFragmentNode):
            inner = self._named(node.type_condition) if node.type_condition else parent
            figures.add(self._selections(node.selection_set, inner))
        elif isinstance(node, FragmentSpreadNode) and (known := self._counted.get(node.name.value)):
            figures.add(known)

    def _count_field(self, node: FieldNode, parent: GraphQLCompositeType | None, figures: Figures) -> None:
        name = node.name.value
        definition = self._schema.get_field(parent, name) if parent else None
        below = Figures()
        if node.selection_set:
            type_ = get_named_type(definition.type) if definition else None
            below = self._selections(node.selection_set, type_ if is_composite_type(type_) else None)
        describes = parent is not None and parent.name.startswith("__")
        is_list = definition is not None and is_list_type(get_nullable_type(definition.type))
        below.depth += not describes
        below.introspection_depth += describes and is_list
        below.fields = 1
        below.aliases += node.alias is not None
        if definition and is_once_per_request(definition):
            below.once[name] += 1
        below.cost = below.cost.times(entries(definition, node, parent))
        below.cost.fixed += own_cost(definition, name)
        figures.add(below)

    def _named(self, condition: NamedTypeNode) -> GraphQLCompositeType | None:
        type_ = self._schema.get_type(condition.name.value)
        return type_ if is_composite_type(type_) else None


def _directives(node: object) -> int:
    return len(getattr(node, "directives", None) or ())


def _spreads(selection_set: SelectionSetNode) -> Iterator[str]:
    remaining: list[Sequence[SelectionNode]] = [selection_set.selections]
    while remaining:
        for node in remaining.pop():
            if isinstance(node, FragmentSpreadNode):
                yield node.name.value
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                remaining.append(node.selection_set.selections)
