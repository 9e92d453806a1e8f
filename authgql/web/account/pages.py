"""Links from mails end on pages that are clients of the public API and act on a button alone."""

import re
from typing import Final

from starlette.routing import BaseRoute

from authgql.web.account.assets import Asset

PAGES: Final = ("verify-email", "reset-password", "disavow")
FILES: Final = (
    "account.css",
    "icon.svg",
    "api.js",
    "link.js",
    "views.js",
    "verify-email.js",
    "reset-password.js",
    "disavow.js",
)
DOCUMENT: Final = re.compile(r"`((?:query|mutation) [^`]*)`")


def documents() -> list[str]:
    """Return the GraphQL documents that the pages send, as their scripts spell them."""
    scripts = (Asset.read(__package__, name, path="").body for name in FILES if name.endswith(".js"))
    return [document for script in scripts for document in DOCUMENT.findall(script.decode())]


def routes() -> list[BaseRoute]:
    """Return the pages that a mailed link opens, and the files they need, all below `/account/`."""
    pages = [Asset.read(__package__, f"{name}.html", path=f"/account/{name}") for name in PAGES]
    files = [Asset.read(__package__, name, path=f"/account/{name}") for name in FILES]
    return [asset.route() for asset in pages + files]
