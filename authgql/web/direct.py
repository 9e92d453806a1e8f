"""The request that everybody sends goes the short way: an operation, by POST, from no page's script."""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

PATH: Final = "/graphql"
BY_ACCEPT: Final = (b"vary", b"accept")
BY_BOTH: Final = (b"vary", b"accept, Origin")


class IndexedHeaders(Headers):
    """Starlette's headers, gone through once instead of at every look."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._index: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            self._index.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))

    def getlist(self, key: str) -> list[str]:
        """Return all values of a header."""
        return self._index.get(key.lower(), [])

    def __getitem__(self, key: str) -> str:
        return self._index[key.lower()][0]


class Direct:
    """Hands such requests to the endpoint, past CORS and the router, which have nothing to say to them."""

    def __init__(self, app: ASGIApp, *, post: Callable[[Request], Awaitable[Response]]) -> None:
        self._app = app
        self._post = post

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        request._headers = headers = IndexedHeaders(scope)  # noqa: SLF001 -- where Starlette keeps them
        if headers.getlist("origin"):
            await self._app(scope, receive, send)
            return
        response = await self._post(request)
        _vary_by_origin(response)
        await response(scope, receive, send)


def _vary_by_origin(response: Response) -> None:
    """Say what CORS would. Starlette would make text of the headers for it, and bytes again."""
    if BY_ACCEPT in response.raw_headers:
        response.raw_headers[response.raw_headers.index(BY_ACCEPT)] = BY_BOTH
    else:
        response.headers.add_vary_header("Origin")
