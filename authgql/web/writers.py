"""How a plain value is written into an answer: straight from attributes, as graphql-core would write it.

A writer takes what it knows for certain and raises an exception at anything else: a null that may not be
one, a refusal, something to wait for. Then graphql-core looks at the same value and says what is wrong. That
runs nothing twice that has an effect: below the roots, fields have none (GraphQL specification, 6.3.1).
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from inspect import signature
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias, cast

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    is_leaf_type,
    is_object_type,
)
from strawberry import Info
from strawberry.schema.schema_converter import CustomGraphQLEnumType, GraphQLCoreConverter
from strawberry.schema.types.base_scalars import DateTimeDefinition
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from authgql.gate.guards import OwnerOnly, require_owner

Read: TypeAlias = Callable[[Any], Any]
Write: TypeAlias = Callable[[Any], Any]
Answer: TypeAlias = Callable[[GraphQLResolveInfo[Any]], Any]

PLAIN: Final = frozenset({str, int, float, bool, datetime})  # no error, and nothing to wait for


class Unplain(Exception):  # noqa: N818 -- says what a value is
    """Not a value that a writer knows."""


class Member(NamedTuple):
    """A field of an object: its name in the answer, and how its value is read and written."""

    name: str
    read: Read
    write: Write


class Writers:
    """What a schema's leaves and fields are to every plan."""

    def __init__(self, schema: GraphQLSchema) -> None:
        types = schema.type_map.values()
        self.leaves = {type_.name: _leaf(type_) for type_ in types if is_leaf_type(type_)}
        self.readers = {
            type_.name: {name: _reader(field) for name, field in type_.fields.items()}
            | {"__typename": partial(_constant, type_.name)}
            for type_ in types
            if is_object_type(type_)
        }
        queries = schema.query_type.fields if schema.query_type else {}
        info = schema.extensions[GraphQLCoreConverter.DEFINITION_BACKREF].config.info_class
        self.answers = {name: answer for name, field in queries.items() if (answer := _answer(field, info))}


def _leaf(type_: GraphQLLeafType) -> Write | None:
    if type_ is GraphQLString or type_ is GraphQLID:
        return _text
    if type_ is GraphQLBoolean:
        return _truth
    if isinstance(type_, GraphQLEnumType):
        return _names(type_)
    if type_ is GraphQLInt:
        return _number
    is_moment = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF) is DateTimeDefinition
    return partial(_moment if is_moment else _scalar, type_.coerce_output_value)


def nullable(write: Write) -> Write:
    """Return how null or a value is written."""
    return lambda value: None if value is None else write(value)


def many(write: Write) -> Write:
    """Return how a list is written."""

    def write_all(values: Any) -> list[Any]:  # noqa: ANN401 -- what a resolver returned
        if type(values) is not list:
            raise Unplain
        return [write(value) for value in values]

    return write_all


def record(type_: GraphQLObjectType, members: Sequence[Member]) -> Write | None:
    """Return how an object is written, or None if the schema may take several classes for the type."""
    definition = type_.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if type_.is_type_of or not isinstance(definition, StrawberryObjectDefinition):
        return None
    of = definition.origin

    def write_members(value: Any) -> dict[str, Any]:  # noqa: ANN401 -- what a resolver returned
        if type(value) is not of:
            raise Unplain
        return {name: write(read(value)) for name, read, write in members}

    return write_members


def _reader(field: GraphQLField) -> Read | None:
    """Return how a value is read: an attribute, or a method that neither takes nor awaits anything."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if field.args or not isinstance(definition, StrawberryField):
        return None
    if definition.is_basic_field:
        return attrgetter(definition.python_name) if definition.default_resolver is getattr else None
    resolver, guards = definition.base_resolver, [type(guard) for guard in definition.extensions]
    if resolver is None or resolver.is_async or guards not in ([], [OwnerOnly]):
        return None
    answer = cast("Read", resolver.wrapped_func)
    if list(signature(answer).parameters) != ["self"]:
        return None
    return partial(_owners, answer) if guards else answer


def _answer(field: GraphQLField, info_class: type[Info]) -> Answer | None:
    """Return a query's resolver that takes nothing but the request, and awaits nothing."""
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    if field.args or not isinstance(definition, StrawberryField) or definition.extensions:
        return None
    resolver = definition.base_resolver
    if resolver is None or resolver.is_async:
        return None
    answer = cast("Callable[[None, Any], Any]", resolver.wrapped_func)
    if list(signature(answer).parameters) != ["self", "info"]:
        return None
    return lambda info: answer(None, info_class(_raw_info=info, _field=definition))


def _constant(value: str, _: object) -> str:
    return value


def _owners(answer: Read, source: Any) -> Any:  # noqa: ANN401 -- any object type's values
    require_owner(source.viewer, source)
    return answer(source)


def _text(value: Any) -> str:  # noqa: ANN401 -- as above
    if type(value) is not str:
        raise Unplain
    return value


def _truth(value: Any) -> bool:  # noqa: ANN401 -- as above
    if type(value) is not bool:
        raise Unplain
    return value


def _number(value: Any) -> int:  # noqa: ANN401 -- as above
    if type(value) is not int or not GRAPHQL_MIN_INT <= value <= GRAPHQL_MAX_INT:
        raise Unplain
    return value


def _moment(coerce: Write, value: Any) -> Any:  # noqa: ANN401 -- as above
    """Leave a time in UTC to orjson, which writes it in the same words, at a tenth of the cost."""
    return value if type(value) is datetime and value.tzinfo is UTC else _scalar(coerce, value)


def _scalar(coerce: Write, value: Any) -> Any:  # noqa: ANN401 -- as above
    written = coerce(value) if type(value) in PLAIN else None
    if written is None or written is Undefined:
        raise Unplain
    return written


def _names(type_: GraphQLEnumType) -> Write | None:
    if not isinstance(type_, CustomGraphQLEnumType):
        return None
    members = cast("Any", type_.wrapped_cls)
    if members.__hash__ is None:  # made of a dataclass, as Python's manual shows
        return None
    return {member: type_.coerce_output_value(member) for member in members}.__getitem__
