"""A nonce in a DPoP proof shows that the proof was made lately, and the server keeps nothing to tell."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from authgql.core.clock import Clock
from authgql.core.sealing import Sealer

WINDOW_SECONDS: Final = 300
PURPOSE: Final = "dpop-nonce"
NUMBER_BYTES: Final = 8
NONCE: Final = re.compile(r"[A-Za-z0-9_-]{32}", re.ASCII)  # a window's number and its 128-bit signature


class BadNonce(Exception):  # noqa: N818 -- what it is
    """Not a nonce of ours, or an old one."""


class Nonces:
    """Signs the number of the present window of time (RFC 9449 section 8)."""

    def __init__(self, *, clock: Clock, sealer: Sealer) -> None:
        self._clock = clock
        self._sealer = sealer

    def current(self) -> str:
        """Return the nonce for the `DPoP-Nonce` header; it is good for 300 s at least and 600 s at most."""
        number = self._window().to_bytes(NUMBER_BYTES)
        return urlsafe_b64encode(number + self._sealer.sign(number, purpose=PURPOSE)).decode()

    def verify(self, nonce: object) -> None:
        """Raise `BadNonce` unless we issued this in the present window or the one before."""
        if not isinstance(nonce, str) or not NONCE.fullmatch(nonce):
            raise BadNonce
        raw = urlsafe_b64decode(nonce)
        number, signature = raw[:NUMBER_BYTES], raw[NUMBER_BYTES:]
        if not self._sealer.is_signed(number, signature, purpose=PURPOSE):
            raise BadNonce
        if not 0 <= self._window() - int.from_bytes(number) <= 1:
            raise BadNonce

    def _window(self) -> int:
        return int(self._clock.now().timestamp()) // WINDOW_SECONDS
