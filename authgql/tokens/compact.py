"""A JWS in compact form is taken apart in its one spelling, or not at all (RFC 7515 section 3.1)."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import orjson

MAX_LENGTH: Final = 4096  # an access token has about 500 characters, a proof with every claim about 700
COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)


class BadJws(Exception):  # noqa: N818 -- what it is
    """Not what it claims to be; the message says why."""


@dataclass(frozen=True, kw_only=True)
class CompactJws:
    """A JWS whose header is read, and of whose signature nothing is known yet."""

    header: Mapping[str, object]
    signature: bytes
    signing_input: bytes
    encoded_payload: str

    def payload(self) -> Mapping[str, object]:
        """Read the payload, or raise `BadJws`; for when the signature is verified (ASVS 9.1.1)."""
        return _object(self.encoded_payload)


def write(header: Mapping[str, str], payload: Mapping[str, object], sign: Callable[[bytes], bytes]) -> str:
    """Write a JWS whose signature `sign` makes."""
    signing_input = b".".join(_encode(orjson.dumps(part)) for part in (header, payload))
    return b".".join((signing_input, _encode(sign(signing_input)))).decode()


def parse(compact: str) -> CompactJws:
    """Take a JWS apart, or raise `BadJws`; JWE, the JSON forms and unencoded payloads are none."""
    match = COMPACT.fullmatch(compact) if len(compact) <= MAX_LENGTH else None
    if match is None:
        raise BadJws(f"is not a compact JWS of at most {MAX_LENGTH} characters.")
    return CompactJws(
        header=_object(match[1]),
        signature=decode(match[3]),
        signing_input=compact[: match.end(2)].encode(),
        encoded_payload=match[2],
    )


def decode(part: str) -> bytes:
    """Decode base64url in its one spelling: lax decoders give one key several thumbprints."""
    try:
        raw = urlsafe_b64decode(part.encode("ascii") + b"=" * (-len(part) % 4))
    except ValueError:
        raise BadJws("has a part that is not base64url.") from None
    if urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise BadJws("has a part that is not base64url.")
    return raw


def _encode(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")


def _object(part: str) -> Mapping[str, object]:
    try:
        text = decode(part).decode()
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise BadJws("has a part that is not JSON.") from None
    if not isinstance(value, dict):
        raise BadJws("has a part that is not a JSON object.")
    return value


def _members(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):  # which of two is meant depends on the reader (RFC 8725 section 2.4)
        raise BadJws("has a JSON object with duplicate members.")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's
