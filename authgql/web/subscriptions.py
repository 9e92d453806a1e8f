"""A subscription is run event by event: each is answered like a query of its own."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import replace
from inspect import isawaitable
from typing import Any, Final

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    create_source_event_stream,
    execute_subscription_event,
)
from graphql.execution import Executor

from authgql.gate.context import Context
from authgql.web.documents import Documents, selected_operation
from authgql.web.errors import present_all, request_error
from authgql.web.request import GraphQLRequest

ONLY_SUBSCRIPTIONS: Final = "Only subscriptions run here; send queries and mutations with POST."


class Refused(Exception):  # noqa: N818 -- what happened
    """The subscription did not begin; `errors` are as GraphQL formats them."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__()
        self.errors = errors


class Results:
    """The answers, as long as there are events."""

    def __init__(self, executor: "Executor[Any]", events: AsyncIterable[Any], request_id: str) -> None:
        self._executor = executor
        self._events: Any = events.__aiter__()  # an `aclose` is all that it has beyond an iterator
        self._request_id = request_id

    def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        return self

    async def __anext__(self) -> dict[str, Any]:
        event = self._executor.build_per_event_executor(await anext(self._events))
        event.context_value = replace(event.context_value)  # what one event looked up is stale for the next
        result = execute_subscription_event(event)
        answer = await result if isawaitable(result) else result
        errors = present_all(answer.errors or (), request_id=self._request_id)
        return {"data": answer.data, **({"errors": errors} if errors else {})}

    async def aclose(self) -> None:
        """Follow no further events."""
        await self._events.aclose()


class Subscriptions:
    """Begins subscriptions."""

    def __init__(self, *, schema: GraphQLSchema, documents: Documents) -> None:
        self._schema = schema
        self._documents = documents

    def document(self, wanted: GraphQLRequest, *, request_id: str) -> DocumentNode:
        """Return the document of a subscription; raises `Refused`."""
        prepared = self._documents.prepare(
            wanted.query,
            document_id=wanted.document_id,
            operation_name=wanted.operation_name,
            variables=wanted.variables,
        )
        if prepared.document is None:
            raise Refused(present_all(prepared.errors, request_id=request_id, code=prepared.code))
        if selected_operation(prepared.document, wanted.operation_name) is not OperationType.SUBSCRIPTION:
            raise Refused(request_error(ONLY_SUBSCRIPTIONS, "BAD_USER_INPUT")["errors"])
        return prepared.document

    async def begin(
        self, document: DocumentNode, wanted: GraphQLRequest, context: Context, *, request_id: str
    ) -> Results:
        """Run it; raises `Refused`."""
        executor = Executor.build(
            self._schema,
            document,
            context_value=context,
            raw_variable_values=wanted.variables,
            operation_name=wanted.operation_name,
            hide_suggestions=self._documents.hide_suggestions,
        )
        if isinstance(executor, list):
            raise self._refused(executor, request_id)
        stream = create_source_event_stream(executor)
        events = await stream if isawaitable(stream) else stream
        if isinstance(events, ExecutionResult):
            raise self._refused(events.errors or [], request_id)
        return Results(executor, events, request_id)

    def _refused(self, errors: list[GraphQLError], request_id: str) -> Refused:
        return Refused(present_all(errors, request_id=request_id))
