"""A GraphQL request is read strictly: one JSON object of one shape, or an answer that says what is wrong."""

import asyncio
import re
from contextlib import nullcontext
from operator import itemgetter
from typing import Any, Final, NamedTuple

import orjson
from starlette.requests import Request

MAX_BODY: Final = 64 * 1024
RESPONSE_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"
ANSWERS: Final = {RESPONSE_JSON: RESPONSE_JSON, JSON: JSON, "application/*": JSON, "*/*": JSON}
QUALITY: Final = re.compile(r";\s*q=([01](?:\.\d{0,3})?)\s*(?:;|$)", re.ASCII | re.IGNORECASE)
BODY_SECONDS: Final = 10
WHOLE: Final = "authgql.whole"  # the ASGI extension by which our server says that a body is there


class BadRequest(Exception):  # noqa: N818 -- the status' name
    """A request that does not run; `status` is the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class GraphQLRequest(NamedTuple):
    """What is to be run."""

    query: str | None
    document_id: str | None  # which of the trusted documents, if the query does not say it
    variables: dict[str, Any] | None
    operation_name: str | None


async def read(request: Request) -> GraphQLRequest:
    """Read a request, or raise `BadRequest`."""
    _check_content_type(request)
    return shaped(_parse(await _body(request)))


def negotiate(accept: str) -> str:
    """Return the media type to answer in; raise `BadRequest` (406) if neither is wanted."""
    if accept in ANSWERS:  # as nearly all say it
        return ANSWERS[accept]
    wanted = sorted(map(_wanted, (accept or "*/*").split(",")), key=itemgetter(0, 1), reverse=True)
    for quality, _, media in wanted:
        if quality and media in ANSWERS:
            return ANSWERS[media]
    raise BadRequest(406, f"Accept `{RESPONSE_JSON}` or `{JSON}`.")


def takes_events(accept: str) -> bool:
    """Tell whether a stream of events will do; some clients say so with every request."""
    return accept not in ANSWERS and any(
        media == EVENT_STREAM and quality for quality, _, media in map(_wanted, accept.split(","))
    )


def _check_content_type(request: Request) -> None:
    values = request.headers.getlist("content-type")
    if values == [JSON]:  # as nearly all say it
        return
    media, _, parameters = (values[0] if len(values) == 1 else "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if _media(media) != JSON or charset not in {"", "charset=utf-8"}:
        # A form or plain text needs no preflight, so any page on the web could send it.
        raise BadRequest(415, f"Send `Content-Type: {JSON}`, in UTF-8.")


async def _body(request: Request) -> bytes:
    body = bytearray()
    is_there = WHOLE in request.scope.get("extensions", ())
    try:
        async with nullcontext() if is_there else asyncio.timeout(BODY_SECONDS):
            more = True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise BadRequest(400, "The request was cut off.")
                body += message.get("body", b"")
                if len(body) > MAX_BODY:
                    raise BadRequest(413, f"A request has at most {MAX_BODY} bytes.")
                more = message.get("more_body", False)
    except TimeoutError:
        raise BadRequest(408, f"A request takes at most {BODY_SECONDS} seconds to come.") from None
    return bytes(body)


def _parse(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "The body is not JSON (RFC 8259) in UTF-8.") from None


def shaped(body: object) -> GraphQLRequest:
    """Check the shape of what was sent; raises `BadRequest`."""
    if not isinstance(body, dict):
        raise BadRequest(400, "The body must be one JSON object; batches are not taken.")
    query, variables = body.get("query"), body.get("variables")
    name, extensions = body.get("operationName"), body.get("extensions")
    if not (extensions is None or isinstance(extensions, dict)):
        raise BadRequest(400, "`extensions` must be an object.")
    document_id = _document_id(body.get("documentId"), extensions or {})
    if not isinstance(query, str) and (query is not None or document_id is None):
        raise BadRequest(400, "`query` must be a string: the document.")
    if not (variables is None or isinstance(variables, dict)):
        raise BadRequest(400, "`variables` must be an object.")
    if not (name is None or isinstance(name, str)):
        raise BadRequest(400, "`operationName` must be a string.")
    return GraphQLRequest(
        query=query, document_id=document_id, variables=variables, operation_name=name or None
    )


def _document_id(given: object, extensions: dict[str, Any]) -> str | None:
    """Return which persisted document is meant, in GraphQL over HTTP's words (Appendix A) or Apollo's."""
    persisted = extensions.get("persistedQuery")
    if given is None and isinstance(persisted, dict):
        given = persisted.get("sha256Hash", "")
    if not (given is None or isinstance(given, str)):
        raise BadRequest(400, "`documentId`, or `persistedQuery.sha256Hash`, must be a string.")
    return given


def _media(part: str) -> str:
    return part.partition(";")[0].strip().lower()


def _wanted(part: str) -> tuple[float, bool, str]:
    """Read one media range of an Accept header: its quality (RFC 9110 section 12.4.2), exactness and name."""
    quality, media = QUALITY.search(part), _media(part)
    return float(quality[1]) if quality else 1.0, "*" not in media, media
