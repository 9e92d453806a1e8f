"""Files of pages are served from memory under names fixed in code; no request ever names a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

# Nothing comes from elsewhere, no inline script runs, no other site may frame a page (ASVS 3.4.3, 3.4.6).
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

PAGE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Security-Policy": PAGE_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)

# Asked for anew each time, so that a page never meets the script of an older release.
FILE_HEADERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
)

MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
)


@dataclass(frozen=True, kw_only=True)
class Asset:
    """One file of a package, read once, and the URL path that it answers at."""

    path: str
    body: bytes
    media_type: str

    @classmethod
    def read(cls, package: str, name: str, *, path: str) -> "Asset":
        """Read `name` of `package`; raises FileNotFoundError or KeyError (an unknown ending) at the start."""
        return cls(
            path=path,
            body=files(package).joinpath(name).read_bytes(),
            media_type=MEDIA_TYPES[name[name.rindex(".") :]],
        )

    def route(self) -> Route:
        """Return the route of the file; HTML gets a page's headers."""
        headers = PAGE_HEADERS if self.media_type == "text/html" else FILE_HEADERS

        async def answer(_request: Request) -> Response:
            return Response(self.body, headers=headers, media_type=self.media_type)

        return Route(self.path, answer, name=self.path)
