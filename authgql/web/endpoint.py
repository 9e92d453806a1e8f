"""POST /graphql: bytes in, one prepared document run for one caller, bytes out (GraphQL over HTTP)."""

from inspect import isawaitable
from typing import Any, Final

import orjson
from graphql import DocumentNode, ExecutionResult, GraphQLSchema, OperationType, execute
from graphql.execution.executor import Executor
from starlette.requests import Request
from starlette.responses import Response

from authgql.core.errors import Problem, Unavailable
from authgql.gate.context import Context
from authgql.gate.errors import CsrfRefused
from authgql.limits.service import RateLimited
from authgql.tokens.dpop import InvalidProof
from authgql.web.contexts import Contexts
from authgql.web.cookies import Cookies
from authgql.web.documents import Documents, Prepared, selected_operation
from authgql.web.errors import code_of, present_all, problem_error, request_error
from authgql.web.request import (
    EVENT_STREAM,
    JSON,
    RESPONSE_JSON,
    BadRequest,
    GraphQLRequest,
    negotiate,
    read,
    takes_events,
)
from authgql.web.streams import Streams

HEADERS: Final = {
    media: ((b"content-type", f"{media}; charset=utf-8".encode()), (b"vary", b"accept"))
    for media in (JSON, RESPONSE_JSON)
}
STATUSES: Final = {Unavailable.code: 503, CsrfRefused.code: 403}


class Endpoint:
    """Runs operations."""

    def __init__(
        self,
        *,
        schema: GraphQLSchema,
        documents: Documents,
        contexts: Contexts,
        cookies: Cookies,
        streams: Streams,
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._contexts = contexts
        self._cookies = cookies
        self._streams = streams

    async def post(self, request: Request) -> Response:
        """Answer one request."""
        accept = ", ".join(request.headers.getlist("accept"))
        events = takes_events(accept)
        try:
            media = negotiate(accept)
        except BadRequest as refusal:
            if not events:
                return _answer(refusal.status, JSON, request_error(refusal.message, "BAD_USER_INPUT"))
            media = RESPONSE_JSON  # for whatever does not become a stream
        try:
            wanted = await read(request)
            return await self._run(request, wanted, media, events=events)
        except BadRequest as refusal:
            return _answer(refusal.status, media, request_error(refusal.message, "BAD_USER_INPUT"))

    async def _run(self, request: Request, wanted: GraphQLRequest, media: str, *, events: bool) -> Response:
        prepared = self._documents.prepare(
            wanted.query,
            document_id=wanted.document_id,
            operation_name=wanted.operation_name,
            variables=wanted.variables,
        )
        if prepared.document is None:
            return self._refused(request, prepared, media)
        operation = selected_operation(prepared.document, wanted.operation_name)
        if operation is None or (operation is OperationType.SUBSCRIPTION and not events):
            message = (
                "`operationName` must name one operation of the document; a subscription comes by WebSocket, "
                f"or as an answer to `Accept: {EVENT_STREAM}`."
            )
            return _answer(_status(media), media, request_error(message, "BAD_USER_INPUT"))
        request.state.operation = operation.value
        try:
            context = await self._contexts.of(request, mutation=operation is OperationType.MUTATION)
        except Problem as refusal:
            return turned_away(refusal, media)
        if operation is OperationType.SUBSCRIPTION:
            request_id = request.state.request_id
            return await self._streams.respond(prepared.document, wanted, context, request_id=request_id)
        result = await self._execute(prepared, prepared.document, wanted, context)
        response = self._result(request, result, media)
        self._cookies.write(response, context.outgoing)
        return response

    async def _execute(
        self, prepared: Prepared, document: DocumentNode, wanted: GraphQLRequest, context: Context
    ) -> ExecutionResult:
        plan = prepared.plan(wanted.operation_name)
        if plan:
            return await plan.run(context, wanted.variables)
        result = execute(
            self._schema,
            document,
            context_value=context,
            variable_values=wanted.variables,
            operation_name=wanted.operation_name,
            hide_suggestions=self._documents.hide_suggestions,
            executor_class=Executor,
        )
        return await result if isawaitable(result) else result

    def _refused(self, request: Request, prepared: Prepared, media: str) -> Response:
        errors = present_all(prepared.errors, request_id=request.state.request_id, code=prepared.code)
        return _answer(_status(media), media, {"errors": errors})

    def _result(self, request: Request, result: ExecutionResult, media: str) -> Response:
        if not result.errors:
            return _answer(200, media, {"data": result.data})
        errors = present_all(result.errors, request_id=request.state.request_id)
        if result.data is None and all(error.path is None for error in result.errors):
            return _answer(_status(media), media, {"errors": errors})
        codes = code_of(errors)
        if Unavailable.code not in codes:
            request.state.outcome = "failed" if "INTERNAL_SERVER_ERROR" in codes else "refused"
        status = next((status for code, status in STATUSES.items() if code in codes), 200)
        return _answer(status, media, {"errors": errors, "data": result.data})


def _status(media: str) -> int:
    """Return the status of a well-formed request that cannot run: 400, or 200 for older clients."""
    return 400 if media == RESPONSE_JSON else 200


def turned_away(refusal: Problem, media: str = JSON) -> Response:
    """Answer a request of which nothing ran, because of who sent it."""
    response = _answer(STATUSES.get(refusal.code, _status(media)), media, problem_error(refusal))
    if isinstance(refusal, InvalidProof) and refusal.nonce:
        response.headers["dpop-nonce"] = refusal.nonce
    if isinstance(refusal, RateLimited):
        response.headers["retry-after"] = str(refusal.retry_after)
    return response


def _answer(status: int, media: str, body: dict[str, Any]) -> Response:
    response = Response(orjson.dumps(body, default=str), status)
    response.raw_headers[:0] = HEADERS[media]
    return response
