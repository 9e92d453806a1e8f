"""A Starlette middleware that takes authgql's access tokens without asking authgql for each.

Signatures are checked with the published keys, and sessions that were ended since are known from the
published revocations. Run `follow` beside the application, as `service.py` does.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
import jwt
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

ALGORITHMS = ["ES256", "EdDSA"]
KEYS_LIFE, COOLDOWN = 300, 5  # seconds: how long the keys are kept, and how soon asked for again

log = logging.getLogger(__name__)


class Verifier:
    """Tells good access tokens from bad ones."""

    def __init__(self, *, url: str, issuer: str, audience: str = "authgql", interval: float = 0.5) -> None:
        self._url = url
        self._issuer = issuer
        self._audience = audience
        self._interval = interval
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_fetched = float("-inf")
        self._revoked: dict[str, int] = {}  # session id: the second after which no token of it is good anyway
        self._since: str | None = None

    async def verify(self, token: str) -> dict[str, Any]:
        """Return a good token's claims; raise `jwt.InvalidTokenError` for any other."""
        claims = await self._decode(token, "at+jwt", ["exp", "sub", "sid"], audience=self._audience)
        if "cnf" in claims:  # bound to a key (DPoP): whoever shows it here may have copied it
            raise jwt.InvalidTokenError("The token is bound to a key, and no proof of it is checked here.")
        if claims["sid"] in self._revoked:
            raise jwt.InvalidTokenError("The session was ended.")
        return claims

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Learn what was revoked so far, then go on learning for as long as the context lasts."""
        await self.follow()
        task = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def follow(self) -> None:
        """Catch up with the revocations."""
        more = True
        while more:
            text = await self._get("/revocations", {"since": self._since} if self._since else {})
            # An expired page is refused, too: somebody may be keeping the newer ones from us.
            page = await self._decode(text, "revocations+jwt", ["exp"], audience=None)
            self._revoked |= {one["sid"]: one["exp"] for one in page["revoked"]}
            self._since, more = page["next"], page["more"]
        now = time.time()
        self._revoked = {sid: until for sid, until in self._revoked.items() if until >= now}

    async def _go_on(self) -> None:
        """While authgql is away what is known stays in force; tokens run out within minutes in any case."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.follow()
            except (httpx2.HTTPError, jwt.InvalidTokenError) as error:
                log.warning("No news of revocations: %s", error)

    async def _decode(
        self, token: str, typ: str, required: list[str], *, audience: str | None
    ) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        if header.get("typ") != typ:
            raise jwt.InvalidTokenError(f"It is no {typ}.")
        key = await self._key(header.get("kid", ""))
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],  # the key decides, the header never does
            issuer=self._issuer,
            audience=audience,
            options={"require": required},
        )

    async def _key(self, kid: str) -> jwt.PyJWK:
        age = time.monotonic() - self._keys_fetched
        if age > KEYS_LIFE or (kid not in self._keys and age > COOLDOWN):
            with suppress(httpx2.HTTPError):  # the last good keys are better than none
                jwks = jwt.PyJWKSet.from_json(await self._get("/.well-known/jwks.json", {}))
                self._keys = {key.key_id: key for key in jwks.keys if key.key_id}
            self._keys_fetched = time.monotonic()
        if kid not in self._keys or self._keys[kid].algorithm_name not in ALGORITHMS:
            raise jwt.InvalidTokenError("No key of this id is published.")
        return self._keys[kid]

    async def _get(self, path: str, query: dict[str, str]) -> str:
        async with httpx2.AsyncClient(timeout=5) as client:
            answer = await client.get(self._url + path, params=query)
        return answer.raise_for_status().text


class SignedInMiddleware:
    """Puts the claims of a good token into `request.state.claims`, None where there is no token.

    A bad token is answered with 401 (RFC 6750 section 3.1).
    """

    def __init__(self, app: ASGIApp, *, verifier: Verifier) -> None:
        self._app = app
        self._verifier = verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through as somebody's, as nobody's, or not at all."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        shown = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        try:
            claims = await self._verifier.verify(_bearer(shown)) if shown else None
        except jwt.InvalidTokenError:
            headers = {"www-authenticate": 'Bearer error="invalid_token"'}
            await JSONResponse({"error": "invalid_token"}, 401, headers)(scope, receive, send)
            return
        scope.setdefault("state", {})["claims"] = claims
        await self._app(scope, receive, send)


def _bearer(shown: list[str]) -> str:
    scheme, _, token = shown[0].partition(" ")
    if len(shown) > 1 or scheme.lower() != "bearer":
        raise jwt.InvalidTokenError("Only bearer tokens are taken here.")
    return token
