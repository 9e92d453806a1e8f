"""GraphiQL at GET /graphql: it signs its own requests, and asks no other host once its files are built."""

from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from authgql.web.graphiql.examples import read_examples
from authgql.web.graphiql.files import (
    OURS,
    VENDORS,
    PageFile,
    StaticFile,
    published_elsewhere,
    read_files,
    served_here,
)

HERE = Path(__file__).parent


class GraphiQL:
    """The page and, below `/graphiql/`, the files that it is made of."""

    def __init__(
        self,
        *,
        nonce: Callable[[], str],
        endpoint: str = "/graphql",
        mailbox: str | None = None,
        assets: Path = HERE / "assets",
    ) -> None:
        """Read every file once.

        `nonce` gives a fresh unguessable string at each call. `mailbox` is the path of the development
        mailbox, where there is one. Without `assets` (npm was not there at build time) the same page takes
        GraphiQL from where Strawberry's own page takes it, held to the hashes that Strawberry ships.
        """
        vendors = read_files(assets, VENDORS)
        self._nonce = nonce
        self._endpoint = endpoint
        self._mailbox = mailbox
        self._files = read_files(HERE, OURS) | vendors
        self._page_files = served_here(VENDORS) if vendors else published_elsewhere()
        self._examples = read_examples(HERE / "examples.graphql")
        environment = Environment(
            loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, undefined=StrictUndefined
        )
        self._template = environment.get_template("page.html")

    def routes(self) -> list[BaseRoute]:
        """Serve the files by name, out of a closed table: no name that a client sends is ever a path."""
        return [Route("/graphiql/{name}", self._file, methods=["GET"])]

    def respond(self, request: Request) -> Response:
        """Show the page; its policy names a nonce that no other response has."""
        nonce = self._nonce()
        html = self._template.render(
            nonce=nonce,
            root=request.scope.get("root_path", ""),
            endpoint=self._endpoint,
            mailbox=self._mailbox,
            examples=self._examples,
            styles=_of_type(self._page_files, ".css"),
            scripts=_of_type(self._page_files, ".js"),
        )
        return HTMLResponse(html, headers=_headers(nonce))

    async def _file(self, request: Request) -> Response:
        file: StaticFile | None = self._files.get(request.path_params["name"])
        if file is None:
            return PlainTextResponse("Not found", status_code=404)
        headers = {
            "ETag": file.etag,
            "Cache-Control": "no-cache",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(file.body, media_type=file.media_type, headers=headers)


def _of_type(files: list[PageFile], suffix: str) -> list[PageFile]:
    return [file for file in files if file.address.endswith(suffix)]


def _headers(nonce: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": _policy(nonce),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",  # a nonce that comes out of a cache is a nonce that can be guessed
        "Vary": "Accept",
    }


def _policy(nonce: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{nonce}'",
            # No 'unsafe-inline': the one <style> that GraphiQL makes by itself is given the nonce in page.js.
            f"style-src 'self' 'nonce-{nonce}'",
            "connect-src 'self'",
            "img-src 'self' data:",
            "font-src data:",  # GraphiQL's style sheet carries its fonts in itself
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
        )
    )
