"""GET /revocations tells other services whose tokens to refuse before their time."""

from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from authgql.core.database import is_unavailable
from authgql.core.errors import BadUserInput, Unavailable
from authgql.tokens.revocations import RevocationFeed
from authgql.web.errors import problem_error
from authgql.web.responses import json_response

# Whoever asks twice a second behind a cache that keeps an answer for one is never two seconds late: we keep
# one for half a second.
CACHE: Final = "public, max-age=1"

log = structlog.get_logger(__name__)


class RevocationRoutes:
    """The feed, for anybody: it names sessions and tokens, and nobody's account."""

    def __init__(self, *, feed: RevocationFeed) -> None:
        self._feed = feed

    def routes(self) -> list[BaseRoute]:
        """Serve it."""
        return [Route("/revocations", self._get, methods=["GET"])]

    async def _get(self, request: Request) -> Response:
        try:
            page = await self._feed.page(_since(request))
        except BadUserInput as error:
            return json_response(problem_error(error), status=400)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("unavailable", error=type(error).__name__)
            return json_response(problem_error(Unavailable()), status=503)
        headers = {
            "cache-control": CACHE,
            "etag": f'W/"{page.tag}"',  # weak: the signature differs each time
            "access-control-allow-origin": "*",
            "cross-origin-resource-policy": "cross-origin",
        }
        if headers["etag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(page.jws, headers={**headers, "content-type": "application/jwt"})


def _since(request: Request) -> str | None:
    given = request.query_params.getlist("since")
    if len(given) > 1:
        raise BadUserInput("`since` must be given once at most.")
    return given[0] if given else None
