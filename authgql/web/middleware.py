"""Every response carries its request's id and the headers that keep browsers from misreading it."""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authgql.core.secrets import new_name
from authgql.web.errors import internal_error
from authgql.web.responses import json_response

# ASVS 3.4; a page that needs more says so itself.
HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "cross-origin-resource-policy": "same-site",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
QUIET: Final = ("/healthz", "/readyz")

Headers = Sequence[tuple[bytes, bytes]]

log = structlog.get_logger("authgql.http")


class Count(Protocol):
    """Counts a request that took so many seconds."""

    def __call__(self, *, operation: str, outcome: str, seconds: float) -> None:
        """Count it; both names are of a few."""
        ...


def security_headers(hsts: timedelta) -> Mapping[str, str]:
    """Return the headers of every response; browsers are to insist on TLS for so long (RFC 6797), 0: none."""
    seconds = int(hsts.total_seconds())
    strict = {"strict-transport-security": f"max-age={seconds}; includeSubDomains"} if seconds else {}
    return {**HEADERS, **strict}


class Requests:
    """Names each request, logs one line for it, and answers for whatever went wrong further in."""

    def __init__(
        self, app: ASGIApp, *, headers: Mapping[str, str] = HEADERS, count: Count | None = None
    ) -> None:
        self._app = app
        self._count = count
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._log: Any = None
        self._names = frozenset(name for name, _ in self._headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, started = new_name(), time.perf_counter()
        status: int | None = None
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._with_ours(message.get("headers", ()), status, request_id)
            await send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            if status:  # too late to say anything else: the server closes the connection
                raise
            log.exception("request.failed")
            response = json_response(internal_error(request_id), status=500)
            await response(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - started
            if self._count:
                operation = scope["state"].get("operation", "none")
                outcome = scope["state"].get("outcome") or _outcome(status)
                self._count(operation=operation, outcome=outcome, seconds=seconds)
            if scope["path"] not in QUIET:
                elapsed = round(seconds * 1000, 1)
                self._log = self._log or log.bind()  # once it is configured; a proxy would bind at each line
                self._log.info(
                    "request", method=scope["method"], path=scope["path"], status=status, ms=elapsed
                )
            structlog.contextvars.reset_contextvars(**bound)

    def _with_ours(self, headers: Headers, status: int, request_id: str) -> Headers:
        said = {name for name, _ in headers}
        ours = self._headers
        if not said.isdisjoint(self._names):
            ours = [header for header in ours if header[0] not in said]
        whole = [*headers, (b"x-request-id", request_id.encode()), *ours]
        if status == HTTPStatus.SERVICE_UNAVAILABLE and b"retry-after" not in said:
            whole.append((b"retry-after", b"1"))
        return whole


def _outcome(status: int | None) -> str:
    if status is None:
        return "aborted"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "unavailable"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "failed"
    return "refused" if status >= HTTPStatus.BAD_REQUEST else "ok"
