"""What answers under which path."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from authgql.core.database import is_unavailable
from authgql.keys.service import JWKS_CACHE
from authgql.web.endpoint import Endpoint
from authgql.web.errors import request_error
from authgql.web.graphiql.page import GraphiQL
from authgql.web.responses import json_response
from authgql.web.sockets import Sockets

log = structlog.get_logger(__name__)


class Routes:
    """The paths that are not pages."""

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        sockets: Sockets,
        graphiql: GraphiQL | None,
        jwks: Callable[[], Mapping[str, Any]],
        pings: Mapping[str, Callable[[], Awaitable[None]]],
    ) -> None:
        self._endpoint = endpoint
        self._sockets = sockets
        self._graphiql = graphiql
        self._jwks = jwks
        self._pings = pings
        self.draining = False

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route("/graphql", self._endpoint.post, methods=["POST"]),
            Route("/graphql", self._explore, methods=["GET"]),
            WebSocketRoute("/graphql", self._sockets.take),
            Route("/.well-known/jwks.json", self._keys, methods=["GET"]),
            Route("/healthz", self._health, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
        ]

    async def _explore(self, request: Request) -> Response:
        """Show GraphiQL to a browser; a GET runs no operation."""
        if self._graphiql and "text/html" in request.headers.get("accept", ""):
            return self._graphiql.respond(request)
        body = request_error("Send operations with POST.", "BAD_USER_INPUT")
        return json_response(body, status=405, headers={"allow": "POST"})

    async def _keys(self, _: Request) -> Response:
        """Publish the signing keys; anybody may read them, from any page."""
        headers = {
            "cache-control": f"public, max-age={int(JWKS_CACHE.total_seconds())}",
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
        }
        return json_response(dict(self._jwks()), headers=headers)

    async def _health(self, _: Request) -> Response:
        """Tell that the process answers."""
        return json_response({"status": "ok"})

    async def _ready(self, _: Request) -> Response:
        """Tell whether requests should be sent here."""
        if self.draining:
            return json_response({"status": "draining"}, status=503)
        for name, ping in self._pings.items():
            try:
                await ping()
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning("unavailable", error=type(error).__name__)
                return json_response({"status": f"{name} away"}, status=503)
        return json_response({"status": "ok"})
