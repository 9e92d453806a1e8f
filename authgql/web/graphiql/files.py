"""The closed table of files behind GraphiQL's page: what is not named here is not served."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strawberry.http.ides import get_graphql_ide_html

SCRIPT = "text/javascript"
STYLE = "text/css"

OURS: Mapping[str, str] = {"page.css": STYLE, "session.js": SCRIPT, "page.js": SCRIPT}
# In the order in which the page needs them.
VENDORS: Mapping[str, str] = {
    "graphiql.min.css": STYLE,
    "react.production.min.js": SCRIPT,
    "react-dom.production.min.js": SCRIPT,
    "graphiql.min.js": SCRIPT,
}
_TAG = re.compile(r'<(?:script|link)\s[^>]*?(?:src|href)="(https://[^"]+)"\s+integrity="(sha384-[^"]+)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class StaticFile:
    """A file held in memory."""

    body: bytes
    media_type: str

    @property
    def etag(self) -> str:
        """Tell versions of one file apart for caches; it protects nothing, so a checksum will do."""
        return f'"{zlib.crc32(self.body):08x}-{len(self.body):x}"'


@dataclass(frozen=True, kw_only=True, slots=True)
class PageFile:
    """A style sheet or script that the page asks for: below our root, or elsewhere and held to a hash."""

    address: str
    integrity: str | None = None


def read_files(folder: Path, names: Mapping[str, str]) -> dict[str, StaticFile]:
    """Read all of the named files, or none of them where one is missing: half a GraphiQL is no GraphiQL."""
    if not all((folder / name).is_file() for name in names):
        return {}
    return {
        name: StaticFile(body=(folder / name).read_bytes(), media_type=media_type)
        for name, media_type in names.items()
    }


def served_here(names: Mapping[str, str]) -> list[PageFile]:
    """Name the files as our own routes serve them."""
    return [PageFile(address=f"/graphiql/{name}") for name in names]


def published_elsewhere() -> list[PageFile]:
    """Name the files as Strawberry's packaged page does, each with the hash that the browser holds it to."""
    tags = {address.rpartition("/")[2]: (address, hashed) for address, hashed in _published_tags()}
    return [PageFile(address=tags[name][0], integrity=tags[name][1]) for name in VENDORS]


def _published_tags() -> list[tuple[str, str]]:
    return _TAG.findall(get_graphql_ide_html("graphiql"))
