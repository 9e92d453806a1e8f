"""A page of a listed origin may call and read; to every other origin no header says anything (ASVS 3.4.2)."""

from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authgql.web.errors import request_error
from authgql.web.responses import json_response

METHODS: Final = ("GET", "POST")
SENT: Final = ("accept", "accept-language", "authorization", "content-language", "content-type", "dpop")
READ: Final = ("date", "dpop-nonce", "retry-after", "x-request-id")
MAX_AGE: Final = 600
ASKED: Final = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class CrossOrigin:
    """The CORS protocol, for origins that may send credentials.

    Starlette's middleware sends strangers `Access-Control-Allow-Credentials`, also beside an answer's own
    `Access-Control-Allow-Origin: *`.
    """

    def __init__(self, app: ASGIApp, *, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope)
        origin = self._listed(asked.getlist("origin"))

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if origin and "access-control-allow-origin" not in headers:
                    headers.update(_allowed(origin))
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in asked:
            await _preflight(asked, origin)(scope, receive, send)
        else:
            await self._app(scope, receive, send_with_headers)

    def _listed(self, shown: list[str]) -> str | None:
        return shown[0] if len(shown) == 1 and shown[0] in self._origins else None


def _allowed(origin: str) -> dict[str, str]:
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": ", ".join(READ),
    }


def _preflight(asked: Headers, origin: str | None) -> Response:
    """Tell a browser what it may send: all of what it asks for, or nothing."""
    headers = asked.get("access-control-request-headers", "").lower().split(",")
    unknown = {name.strip() for name in headers} - {"", *SENT}
    if origin is None or unknown or asked["access-control-request-method"] not in METHODS:
        body = request_error("Pages of this origin may not send this.", "BAD_USER_INPUT")
        return json_response(body, status=400, headers={"vary": ASKED})
    allowed = {
        "access-control-allow-origin": origin,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": ", ".join(METHODS),
        "access-control-allow-headers": ", ".join(SENT),
        "access-control-max-age": str(MAX_AGE),
        "vary": ASKED,
    }
    return json_response({"status": "ok"}, headers=allowed)
