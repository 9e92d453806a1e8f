"""A list of trusted documents is read as the usual tools write it, and each hash is checked.

Three forms are taken: a map of hash to text (graphql-codegen's `persisted-documents.json`, Relay's
`persistConfig.file`, anybody's own), and Apollo's persisted query manifest.
"""

import re
from pathlib import Path
from typing import Final, Literal

import orjson

from authgql.core.secrets import hex_digest
from authgql.web.documents import Untrustworthy

APOLLO: Final = "apollo-persisted-query-manifest"
HEX: Final = re.compile(r"[0-9a-f]+")
# By their length in hex: what Relay, codegen and Apollo choose unless told otherwise.
ALGORITHMS: Final[dict[int, Literal["md5", "sha1", "sha256"]]] = {32: "md5", 40: "sha1", 64: "sha256"}


def read_trusted(path: Path) -> dict[str, str]:
    """Return the texts by their ids; raise `Untrustworthy` if the file is not such a list."""
    try:
        content = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise Untrustworthy(f"not JSON: {error}") from None
    except OSError as error:
        raise Untrustworthy(error.strerror or "cannot be read") from None
    texts = _texts(content)
    if not texts:
        raise Untrustworthy("no documents are in it")
    for name, text in texts.items():
        _check(name, text)
    return texts


def _texts(content: object) -> dict[str, str]:
    """Return the texts by their ids, whichever form the list has."""
    if isinstance(content, dict) and content.get("format") == APOLLO:
        content = _of_manifest(content.get("operations"))
    if not isinstance(content, dict) or any(
        type(each) is not str for pair in content.items() for each in pair
    ):
        raise Untrustworthy("neither a map of ids to documents, nor Apollo's persisted query manifest")
    return content


def _of_manifest(operations: object) -> object:
    try:
        return {operation["id"]: operation["body"] for operation in operations}  # type: ignore[attr-defined] # or caught
    except (KeyError, TypeError):
        raise Untrustworthy("each of the manifest's operations needs an `id` and a `body`") from None


def _check(name: str, text: str) -> None:
    """Raise `Untrustworthy` if an id looks like a hash and is not the document's."""
    digest = name.removeprefix("sha256:")
    algorithm = "sha256" if digest != name else ALGORITHMS.get(len(name)) if HEX.fullmatch(name) else None
    if algorithm and hex_digest(text, algorithm) != digest:
        raise Untrustworthy(f"document {name}: the {algorithm} of its text is another")
