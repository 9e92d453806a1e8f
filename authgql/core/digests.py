"""Things in a row have one digest, which no other things and no other row of them have."""

import hashlib

import orjson


class Digest:
    """SHA-256 over a purpose, then a line of JSON for each thing added: compact, in UTF-8, an array.

    JSON has no line end of its own, so that what follows what is plain. Times are RFC 3339 in UTC, UUIDs
    and what else JSON has not are text.
    """

    def __init__(self, purpose: str) -> None:
        self._hash = hashlib.sha256(purpose.encode() + b"\n")

    def add(self, *values: object) -> None:
        """Add one thing, given by its values."""
        self._hash.update(orjson.dumps(values, default=str) + b"\n")

    def hex(self) -> str:
        """Return the digest of what was added so far."""
        return self._hash.hexdigest()
