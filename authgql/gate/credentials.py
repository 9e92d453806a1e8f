"""What a request shows of itself: tokens, the way they came, and the site that sent it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from authgql.gate.errors import CsrfRefused
from authgql.tokens.service import TokenPair


class Site(Enum):
    """Which site's page caused a request, as the browser says in headers that no page can set."""

    OWN = auto()
    FOREIGN = auto()
    UNKNOWN = auto()


class Credentials(NamedTuple):
    """The tokens that came with a request; `from_cookies` if the browser added them by itself.

    `proofs` are the values of its `DPoP` headers: one, or none, or the request is wrong. `device` is the
    device cookie, which proves nothing about who asks, so that it makes no request one "from cookies".
    """

    access_token: str | None
    refresh_token: str | None = None
    from_cookies: bool = False
    site: Site = Site.UNKNOWN
    proofs: Sequence[str] = ()
    device: str | None = None

    def check_site(self, *, mutation: bool) -> None:
        """Raise `CsrfRefused` if a foreign page may be using the browser's cookies (ASVS 3.5.1)."""
        if self.from_cookies and (self.site is Site.FOREIGN or (mutation and self.site is not Site.OWN)):
            raise CsrfRefused

    def check_login(self) -> None:
        """Raise `CsrfRefused` for a foreign page that would sign the browser in as somebody else."""
        if self.site is Site.FOREIGN:
            raise CsrfRefused


@dataclass(kw_only=True)
class Outgoing:
    """What the answer does to the browser's cookies: new tokens, or none any more, and a device cookie."""

    tokens: TokenPair | None = None
    forget: bool = False
    device: str | None = None
