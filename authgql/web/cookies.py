"""Cookies are out of every script's reach, and go to this host alone (ASVS 3.3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from authgql.core.clock import Clock
from authgql.gate.caller import bearer
from authgql.gate.credentials import Credentials, Outgoing, Site
from authgql.limits.devices import LIFETIME

ACCESS: Final = "authgql-access"
REFRESH: Final = "authgql-refresh"
DEVICE: Final = "authgql-device"


class Cookies:
    """Reads tokens and the device's name from requests, and writes them to answers."""

    def __init__(self, *, clock: Clock, public_url: str, origins: Sequence[str]) -> None:
        self._clock = clock
        self._secure = urlsplit(public_url).scheme == "https"
        prefix = "__Host-" if self._secure else ""  # on plain http browsers take no cookie of that name
        self._access, self._refresh, self._device = prefix + ACCESS, prefix + REFRESH, prefix + DEVICE
        self._origins = frozenset(origins)

    def read(self, request: HTTPConnection) -> Credentials:
        """Tell what a request shows; a client that sends `Authorization` means it, whatever its cookies."""
        site = self._site(request)
        shown = request.headers.getlist("authorization")
        cookies = request.cookies
        access, refresh = cookies.get(self._access), cookies.get(self._refresh)
        proofs, device = request.headers.getlist("dpop"), cookies.get(self._device)
        if shown or not (access or refresh):
            return Credentials(access_token=bearer(shown), site=site, proofs=proofs, device=device)
        return Credentials(
            access_token=access,
            refresh_token=refresh,
            from_cookies=True,
            site=site,
            proofs=proofs,
            device=device,
        )

    def write(self, response: Response, outgoing: Outgoing) -> None:
        """Set or remove the cookies."""
        tokens = outgoing.tokens
        if tokens:
            self._set(response, self._access, tokens.access_token, tokens.expires_in)
            if tokens.refresh_token:
                left = self._seconds_until(tokens.refresh_expires_at)
                self._set(response, self._refresh, tokens.refresh_token, left)
        elif outgoing.forget:
            for name in (self._access, self._refresh):
                self._set(response, name, "", 0)
            response.headers["clear-site-data"] = '"cache", "storage"'  # ASVS 14.3.1
        if outgoing.device:
            self._set(response, self._device, outgoing.device, int(LIFETIME.total_seconds()))

    def _site(self, request: HTTPConnection) -> Site:
        origins = request.headers.getlist("origin")
        if origins:  # no browser sends two; of which one means it, others may think otherwise
            return Site.OWN if len(origins) == 1 and origins[0] in self._origins else Site.FOREIGN
        fetched_from = request.headers.get("sec-fetch-site")
        if fetched_from == "same-origin":
            return Site.OWN
        return Site.FOREIGN if fetched_from in {"same-site", "cross-site"} else Site.UNKNOWN

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def _seconds_until(self, moment: datetime) -> int:
        return max(0, int((moment - self._clock.now()).total_seconds()))
