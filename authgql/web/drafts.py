"""A plan is drafted from a valid document: every field that may be selected is looked at, once."""

from contextlib import suppress
from typing import cast

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    default_field_resolver,
    default_type_resolver,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.pyutils import Path

from authgql.web.plans import NOTHING_GIVEN, Known, Plan, Told
from authgql.web.writers import Member, Write, Writers, many, nullable, record


class TooLarge(Exception):  # noqa: N818 -- says what an operation is
    """Fragments make more of an operation than is kept in memory."""


class Draft:
    """A plan in the making, of one operation of a valid document, with so many fields at `most`."""

    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        *,
        writers: Writers,
        most: int,
    ) -> None:
        self._schema = schema
        self._operation = operation
        self._writers = writers
        self._most = most
        self._fragments = {
            definition.name.value: FragmentDetails(definition)
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._definitions = {name: each.definition for name, each in self._fragments.items()}
        self._known = Known()

    def plan(self, *, hide_suggestions: bool) -> Plan | None:
        """Return the plan, or None if the operation is too large."""
        root = cast("GraphQLObjectType", self._schema.get_root_type(self._operation.operation))
        if not self._fill(root):
            return None
        plan = Plan(
            self._schema,
            self._definitions,
            self._fragments,
            None,
            None,
            self._operation,
            NOTHING_GIVEN,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            hide_suggestions=hide_suggestions,
        )
        plan.known, plan.root = self._known, root
        return plan

    def _fill(self, root: GraphQLObjectType) -> bool:
        collected = collect_fields(self._schema, self._fragments, NOTHING_GIVEN, root, self._operation)
        self._known.fields = collected.grouped_field_set
        with suppress(TooLarge):
            self._members_of(root, self._known.fields, is_root=True)
            return True
        return False

    def _members_of(
        self, type_: GraphQLObjectType, fields: GroupedFieldSet, *, is_root: bool = False
    ) -> list[Member | None]:
        self._known.size += sum(map(len, fields.values()))
        if self._known.size > self._most:
            raise TooLarge
        return [self._member(type_, name, nodes, is_root=is_root) for name, nodes in fields.items()]

    def _member(
        self, parent: GraphQLObjectType, name: str, nodes: FieldDetailsList, *, is_root: bool
    ) -> Member | None:
        """Return a field that nothing has to be asked for, if it is one, and note what is known of it."""
        called = nodes[0].node.name.value
        definition = cast("GraphQLField", self._schema.get_field(parent, called))
        write = self._value(definition.type, nodes)
        if write is None:
            return None
        read = self._writers.readers[parent.name].get(called)
        if read and not is_root:
            member = self._known.members[id(nodes)] = Member(name, read, write)
            return member
        self._known.values[id(nodes)] = (definition.type, write)
        if is_root and parent is self._schema.query_type and called in self._writers.answers:
            field = (called, [each.node for each in nodes], definition.type, parent)
            place = (Path(None, name, parent.name), self._schema, self._definitions, None, self._operation)
            self._known.told.append(Told(name, field + place, self._writers.answers[called], write))
        return None

    def _value(self, type_: GraphQLOutputType, nodes: FieldDetailsList) -> Write | None:
        if is_non_null_type(type_):
            return self._present(type_.of_type, nodes)
        write = self._present(type_, nodes)
        return write and nullable(write)

    def _present(self, type_: GraphQLOutputType, nodes: FieldDetailsList) -> Write | None:
        if is_list_type(type_):
            write = self._value(type_.of_type, nodes)
            return write and many(write)
        if is_leaf_type(type_):
            return self._writers.leaves[type_.name]
        if is_object_type(type_):
            members = self._place(type_, nodes)
            plain = [member for member in members if member]
            return record(type_, plain) if len(plain) == len(members) else None
        for possible in self._schema.get_possible_types(cast("GraphQLAbstractType", type_)):
            self._place(possible, nodes)
        return None

    def _place(self, type_: GraphQLObjectType, nodes: FieldDetailsList) -> list[Member | None]:
        collected = collect_subfields(
            self._schema, self._fragments, NOTHING_GIVEN, self._operation, type_, nodes
        )
        self._known.places[type_, id(nodes)] = collected
        return self._members_of(type_, collected.grouped_field_set)
