"""A field with a guard is answered to nobody but those it is for."""

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, Final

from graphql import FieldNode, GraphQLField, OperationType
from strawberry.extensions import FieldExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from authgql.gate.caller import Caller
from authgql.gate.context import Info
from authgql.gate.errors import Forbidden, Unauthenticated

# The `metadata` of a field that takes a credential or sends a mail: a document that could run it twice is
# refused, so that one request is one guess, whatever aliases and fragments say.
ONCE_PER_REQUEST: Final[Mapping[str, bool]] = {"once_per_request": True}

# The `metadata` of a field that takes the processor about as long as a statement takes the database.
SLOW: Final[Mapping[str, bool]] = {"slow": True}


class SignedIn(FieldExtension):
    """The field is for somebody signed in; nobody gets `UNAUTHENTICATED`."""

    async def resolve_async(
        self,
        next_: Callable[..., Any],
        source: Any,  # noqa: ANN401 -- Strawberry's signature
        info: Info,
        **kwargs: Any,  # noqa: ANN401 -- Strawberry's signature
    ) -> Any:  # noqa: ANN401
        """Let the caller through, if there is one."""
        if _is_one_of_several_mutations(info):
            await info.context.look_again()
        info.context.require()
        answer = next_(source, info, **kwargs)
        return await answer if isawaitable(answer) else answer  # a subscription may be an async generator


class OwnerOnly(FieldExtension):
    """A private field of a `User`: for its owner and administrators.

    Nobody gets `UNAUTHENTICATED`, anybody else `FORBIDDEN`, and null in either case.
    """

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:  # noqa: ANN401
        """Let the owner through."""
        require_owner(source.viewer, source)
        return next_(source, info, **kwargs)

    async def resolve_async(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: Any,  # noqa: ANN401 -- Strawberry's signature
        info: Info,
        **kwargs: Any,  # noqa: ANN401 -- Strawberry's signature
    ) -> Any:  # noqa: ANN401
        """Let the owner through."""
        require_owner(source.viewer, source)
        return await next_(source, info, **kwargs)


def require_owner(viewer: Caller | None, source: Any) -> None:  # noqa: ANN401 -- a `User`, known to api alone
    """Raise `Unauthenticated` or `Forbidden` unless the viewer may see the private fields."""
    if viewer is None:
        raise Unauthenticated
    if not viewer.may_see(source.account):
        raise Forbidden


def is_once_per_request(field: GraphQLField) -> bool:
    """Tell whether a field is marked with `ONCE_PER_REQUEST`."""
    definition = _definition(field)
    return definition is not None and bool(definition.metadata.get("once_per_request"))


def is_slow(field: GraphQLField) -> bool:
    """Tell whether a field is marked `SLOW` or has statements of its own: here, its resolver waits."""
    definition = _definition(field)
    return definition is not None and (definition.is_async or bool(definition.metadata.get("slow")))


def _definition(field: GraphQLField) -> StrawberryField | None:
    definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return definition if isinstance(definition, StrawberryField) else None


def _is_one_of_several_mutations(info: Info) -> bool:
    operation = info.operation
    alone = len(operation.selection_set.selections) == 1
    single = alone and isinstance(operation.selection_set.selections[0], FieldNode)
    return operation.operation is OperationType.MUTATION and not single
