"""A frame is one message of `graphql-transport-ws`, or a violation with the code that closes the socket.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from authgql.web.request import BadRequest, GraphQLRequest, shaped

PROTOCOL: Final = "graphql-transport-ws"
MAX_ID: Final = 128
MAX_REASON: Final = 120  # bytes; a close frame has room for 123

Payload = Mapping[str, Any]


class Close(Exception):  # noqa: N818 -- what is to be done
    """The socket is to be closed, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode("ascii", "replace")[:MAX_REASON].decode()


@dataclass(frozen=True)
class Init:
    """The client says who it is."""

    payload: Payload = field(default_factory=dict)


@dataclass(frozen=True)
class Ping:
    """A sign of life is asked for."""


@dataclass(frozen=True)
class Pong:
    """A sign of life is given."""


@dataclass(frozen=True)
class Subscribe:
    """An operation is to run under an id of the client's."""

    id: str
    request: GraphQLRequest


@dataclass(frozen=True)
class Complete:
    """An operation is no longer wanted."""

    id: str


Message = Init | Ping | Pong | Subscribe | Complete


def read_message(text: str | None) -> Message:
    """Read a frame's text, None for a binary one; raises `Close`."""
    try:
        told = orjson.loads(text or "")
    except orjson.JSONDecodeError:
        raise _malformed("not a JSON text") from None
    if not isinstance(told, dict):
        raise _malformed("not a JSON object")
    match told.get("type"):
        case "connection_init":
            return Init(_payload(told))
        case "ping":
            _payload(told)  # never sent back: what orjson reads may be nested too deep for it to write
            return Ping()
        case "pong":
            _payload(told)
            return Pong()
        case "subscribe":
            return Subscribe(_id(told), _request(told))
        case "complete":
            return Complete(_id(told))
        case _:
            raise _malformed("unknown `type`")


def write(kind: str, **members: object) -> str:
    """Return a message's text."""
    return orjson.dumps({"type": kind, **members}, default=str).decode()


def _payload(told: Payload) -> Payload:
    payload = told.get("payload")
    if not isinstance(payload, dict | None):
        raise _malformed("`payload` must be an object")
    return payload or {}


def _id(told: Payload) -> str:
    given = told.get("id")
    if not isinstance(given, str) or not 1 <= len(given) <= MAX_ID:
        raise _malformed(f"`id` must be a string of 1 to {MAX_ID} characters")
    return given


def _request(told: Payload) -> GraphQLRequest:
    try:
        return shaped(told.get("payload"))
    except BadRequest as refusal:
        raise _malformed(refusal.message) from None


def _malformed(what: str) -> Close:
    return Close(4400, f"Invalid message: {what}")
