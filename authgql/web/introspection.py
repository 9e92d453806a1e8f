"""Other services may ask whether a token is good: an ended session is inactive at once (RFC 7662)."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from authgql.core.database import is_unavailable
from authgql.core.errors import Unavailable
from authgql.core.secrets import is_same
from authgql.gate.caller import Callers
from authgql.web.errors import problem_error
from authgql.web.request import MAX_BODY
from authgql.web.responses import json_response

FORM: Final = "application/x-www-form-urlencoded"
INACTIVE: Final = {"active": False}

log = structlog.get_logger(__name__)


class Introspection:
    """POST /oauth/introspect, for clients that the operator configured."""

    def __init__(self, *, callers: Callers, clients: Mapping[str, str]) -> None:
        self._callers = callers
        self._clients = clients

    def routes(self) -> list[BaseRoute]:
        """Serve it; with no clients configured there is nothing to serve."""
        if not self._clients:
            return []
        return [Route("/oauth/introspect", self._post, methods=["POST"], max_body_size=MAX_BODY)]

    async def _post(self, request: Request) -> Response:
        if not self._knows(request.headers.getlist("authorization")):
            headers = {"www-authenticate": 'Basic realm="introspection", charset="UTF-8"'}
            return json_response({"error": "invalid_client"}, status=401, headers=headers)
        token = _token(request.headers.get("content-type", ""), await request.body())
        if token is None:
            return json_response({"error": "invalid_request"}, status=400)
        try:
            return json_response(dict(await self._describe(token)))
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("unavailable", error=type(error).__name__)
            return json_response(problem_error(Unavailable()), status=503)

    async def _describe(self, token: str) -> Mapping[str, Any]:
        """Describe a good token; all others get the same few bytes (RFC 7662 section 2.2)."""
        shown = await self._callers.inspect(token)
        if shown is None:
            return INACTIVE
        account, claims = shown
        return {"active": True, "username": account.username, "token_type": _type(claims), **claims}

    def _knows(self, authorization: Sequence[str]) -> bool:
        name, secret = _basic(authorization[0]) if len(authorization) == 1 else ("", "")
        expected = self._clients.get(name)
        # Compared in either case, so that the time does not tell which names are configured.
        return is_same(secret, expected or "") and expected is not None


def _type(claims: Mapping[str, Any]) -> str:
    return "DPoP" if "cnf" in claims else "Bearer"


def _basic(header: str) -> tuple[str, str]:
    """Read HTTP Basic credentials as RFC 6749 section 2.3.1 has them; empty if malformed."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        name, _, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return unquote(name), unquote(secret)


def _token(content_type: str, body: bytes) -> str | None:
    if content_type.partition(";")[0].strip().lower() != FORM:
        return None
    try:
        values = parse_qs(body.decode("ascii"), max_num_fields=10).get("token", [])
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None
