"""What is refused before it is a request is answered as every other mistake is."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from authgql.core.secrets import new_id
from authgql.web.errors import request_error


class Refusals:
    """Answers in bytes, with the headers that every response has."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    def render(self, status: int, message: str, *, more: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Return an answer after which the connection is closed; `more` are headers of the moment."""
        full = status == HTTPStatus.SERVICE_UNAVAILABLE
        code = "SERVICE_UNAVAILABLE" if full else "BAD_USER_INPUT"
        body = orjson.dumps(request_error(message, code))
        headers = [
            *more,
            *self._headers,
            (b"x-request-id", new_id().hex.encode()),
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            *([(b"retry-after", b"1")] if full else []),
            (b"connection", b"close"),
        ]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        return STATUS_LINE[status] + lines + b"\r\n" + body
