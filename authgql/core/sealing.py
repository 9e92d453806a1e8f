"""What must be read again is stored encrypted, and opens only in the place it was sealed for."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from os import urandom
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES: Final = 12
KEY_TAG_BYTES: Final = 4
SIGNATURE_BYTES: Final = 16


class CannotOpen(Exception):  # noqa: N818 -- says what happened
    """No key at hand opens this value here: it was altered, moved, or sealed under a lost key."""


class Sealer:
    """AES-256-GCM under keys derived from secrets: the first seals and signs, all open and verify."""

    def __init__(self, secrets: Sequence[str]) -> None:
        tags = [_tag(secret) for secret in secrets]
        keys = [AESGCM(_derive(secret, b"seal")) for secret in secrets]
        self._seals = dict(zip(reversed(tags), reversed(keys), strict=True))
        self._newest = tags[0]
        self._secrets = secrets

    @cached_property
    def _signing(self) -> Sequence[bytes]:
        return [_derive(secret, b"sign") for secret in self._secrets]

    def seal(self, plaintext: str, *, place: str) -> str:
        """Encrypt `plaintext` so that only `place` (say `signing-key:KID`) opens it again."""
        nonce = urandom(NONCE_BYTES)
        sealed = self._seals[self._newest].encrypt(nonce, plaintext.encode(), place.encode())
        return urlsafe_b64encode(self._newest + nonce + sealed).decode()

    def open(self, sealed: str, *, place: str) -> str:
        """Decrypt what `seal` made for the same place, or raise `CannotOpen`."""
        try:
            raw = urlsafe_b64decode(sealed)
            key = self._seals[raw[:KEY_TAG_BYTES]]
            nonce, body = raw[KEY_TAG_BYTES:][:NONCE_BYTES], raw[KEY_TAG_BYTES + NONCE_BYTES :]
            return key.decrypt(nonce, body, place.encode()).decode()
        except KeyError:
            raise CannotOpen(f"{place}: sealed under a key that is not among the secrets") from None
        except (InvalidTag, ValueError):  # the latter for what is cut short, or no base64
            raise CannotOpen(f"{place}: altered, or sealed for another place") from None

    def is_newest(self, sealed: str) -> bool:
        """Tell whether a value is sealed under the newest secret."""
        return urlsafe_b64decode(sealed)[:KEY_TAG_BYTES] == self._newest

    def sign(self, message: bytes, *, purpose: str) -> bytes:
        """Return a 128-bit HMAC-SHA-256 of `message` for one purpose."""
        return _mac(self._signing[0], purpose, message)

    def is_signed(self, message: bytes, signature: bytes, *, purpose: str) -> bool:
        """Tell whether any of the secrets made this signature, in constant time for each."""
        made = (_mac(key, purpose, message) for key in self._signing)
        return any(hmac.compare_digest(mac, signature) for mac in made)


def _derive(secret: str, use: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"authgql/" + use).derive(secret.encode())


def _tag(secret: str) -> bytes:
    return _derive(secret, b"tag")[:KEY_TAG_BYTES]


def _mac(key: bytes, purpose: str, message: bytes) -> bytes:
    return hmac.digest(key, purpose.encode() + b"\0" + message, sha256)[:SIGNATURE_BYTES]
