"""A GraphQL request is read strictly: one JSON object of one shape, or an answer that says what is wrong."""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request

MAX_BODY: Final = 64 * 1024
RESPONSE_JSON: Final = "application/graphql-response+json"
JSON: Final = "application/json"


class BadRequest(Exception):  # noqa: N818 -- the status' name
    """A request that does not run; `status` is the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, kw_only=True)
class GraphQLRequest:
    """What is to be run."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


async def read(request: Request) -> GraphQLRequest:
    """Read a request, or raise `BadRequest`."""
    _check_content_type(request)
    return _shape(_parse(await _body(request)))


def negotiate(accept: str) -> str:
    """Return the media type to answer in; raise `BadRequest` (406) if neither is wanted."""
    wanted = [_media(part) for part in accept.split(",")] if accept else ["*/*"]
    for media in wanted:
        if media in {RESPONSE_JSON, JSON}:
            return media
    if any(media in {"*/*", "application/*"} for media in wanted):
        return JSON
    raise BadRequest(406, f"Accept `{RESPONSE_JSON}` or `{JSON}`.")


def _check_content_type(request: Request) -> None:
    values = request.headers.getlist("content-type")
    media, _, parameters = (values[0] if len(values) == 1 else "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if _media(media) != JSON or charset not in {"", "charset=utf-8"}:
        # A form or plain text needs no preflight, so any page on the web could send it.
        raise BadRequest(415, f"Send `Content-Type: {JSON}`, in UTF-8.")


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise BadRequest(413, f"A request has at most {MAX_BODY} bytes.")
    except ClientDisconnect:
        raise BadRequest(400, "The request was cut off.") from None
    return bytes(body)


def _parse(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadRequest(400, "The body is not JSON (RFC 8259) in UTF-8.") from None


def _shape(body: object) -> GraphQLRequest:
    if not isinstance(body, dict):
        raise BadRequest(400, "The body must be one JSON object; batches are not taken.")
    query, variables = body.get("query"), body.get("variables")
    name, extensions = body.get("operationName"), body.get("extensions")
    if not isinstance(query, str):
        raise BadRequest(400, "`query` must be a string: the document.")
    if not isinstance(variables, dict | None):
        raise BadRequest(400, "`variables` must be an object.")
    if not isinstance(name, str | None):
        raise BadRequest(400, "`operationName` must be a string.")
    if not isinstance(extensions, dict | None):
        raise BadRequest(400, "`extensions` must be an object.")
    return GraphQLRequest(query=query, variables=variables, operation_name=name or None)


def _media(part: str) -> str:
    return part.partition(";")[0].strip().lower()
