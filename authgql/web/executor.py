"""graphql-core's executor, with a short way to the fields that are nothing but a value that is there.

Only where it is plain that both ways lead to the same: a scalar or enum without arguments, read from an
attribute or by a resolver that takes nothing else, behind no other guard than `OwnerOnly`. Whatever is
not a value there (an error, a null that may not be one) goes the long way, which says what is wrong.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import signature
from operator import attrgetter
from typing import Any, ClassVar, Final, cast

from graphql import (
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    is_leaf_type,
)
from graphql.execution.executor import Executor
from strawberry.types.field import StrawberryField

from authgql.gate.guards import OwnerOnly, require_owner

DEFINITION: Final = "strawberry-definition"


@dataclass(frozen=True, slots=True)
class Short:
    """How a field is read, and how its value is written."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    nullable: bool

    def value_of(self, source: Any) -> Any:  # noqa: ANN401 -- any object type's values
        """Return the field's value, or Undefined for the long way to say what is wrong."""
        try:
            value = self.read(source)
            if value is None:
                return None if self.nullable else Undefined
            written = self.write(value)
        except Exception:  # noqa: BLE001 -- raised again, and told, the long way
            return Undefined
        return Undefined if written is None else written


Shorts = Mapping[str, Mapping[str, Short]]


class ShortExecutor(Executor[Any]):
    """Executes as `Executor` does; `executor_for` makes the class that knows a schema's short ways."""

    shorts: ClassVar[Shorts] = {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,  # noqa: ANN401 -- graphql-core's signature
        path: Any,  # noqa: ANN401 -- a type that graphql-core keeps to itself
        grouped_field_set: Any,  # noqa: ANN401 -- the same
        position_context: Any,  # noqa: ANN401 -- the same
    ) -> Any:  # noqa: ANN401 -- as above
        """Return an object's fields, or what will be them."""
        shorts, results = self.shorts[parent_type.name], {}
        for name, details in grouped_field_set.items():
            short = shorts.get(details[0].node.name.value)
            value = Undefined if short is None else short.value_of(source_value)
            if value is Undefined:  # one goes the long way, so all do: the paths of errors are made there
                return super().execute_fields(
                    parent_type, source_value, path, grouped_field_set, position_context
                )
            results[name] = value
        return results

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,  # noqa: ANN401 -- as above
        field_details_list: Any,  # noqa: ANN401 -- as above
        path: Any,  # noqa: ANN401 -- as above
        position_context: Any,  # noqa: ANN401 -- as above
    ) -> Any:  # noqa: ANN401 -- as above
        """Return a field's value, or what will be it."""
        short = self.shorts[parent_type.name].get(field_details_list[0].node.name.value)
        value = Undefined if short is None else short.value_of(source)
        if value is not Undefined:
            return value
        return super().execute_field(parent_type, source, field_details_list, path, position_context)


def executor_for(schema: GraphQLSchema) -> type[ShortExecutor]:
    """Return the executor of a schema."""
    objects = {name: type_ for name, type_ in schema.type_map.items() if isinstance(type_, GraphQLObjectType)}
    shorts = {
        name: {
            "__typename": Short(partial(_same, name), str, nullable=False),
            **{field: short for field, of in type_.fields.items() if (short := _short(of))},
        }
        for name, type_ in objects.items()
    }
    return type("SchemaExecutor", (ShortExecutor,), {"shorts": shorts})


def _short(field: GraphQLField) -> Short | None:
    definition = field.extensions.get(DEFINITION)
    leaf = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    if field.args or not is_leaf_type(leaf) or not isinstance(definition, StrawberryField):
        return None
    read = _reader(definition)
    return Short(read, leaf.coerce_output_value, nullable=leaf is field.type) if read else None


def _same(value: str, _: object) -> str:
    return value


def _reader(definition: StrawberryField) -> Callable[[Any], Any] | None:
    if definition.is_basic_field:
        return attrgetter(definition.python_name)
    resolver = definition.base_resolver
    if resolver is None or resolver.is_async or [type(of) for of in definition.extensions] != [OwnerOnly]:
        return None
    answer = cast("Callable[[Any], Any]", resolver.wrapped_func)
    return partial(_owners, answer) if list(signature(answer).parameters) == ["self"] else None


def _owners(answer: Callable[[Any], Any], source: Any) -> Any:  # noqa: ANN401 -- any object type's values
    require_owner(source.viewer, source)
    return answer(source)
