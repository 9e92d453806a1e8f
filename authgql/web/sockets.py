"""WS /graphql: who may open a socket, as whom, and how many."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from authgql.audit.events import Event, Origin
from authgql.core.secrets import new_id
from authgql.gate.caller import Callers, bearer
from authgql.gate.context import Context, Services
from authgql.gate.credentials import Credentials, Site
from authgql.gate.errors import CsrfRefused
from authgql.limits.service import RateLimited
from authgql.tokens.dpop import InvalidProof
from authgql.web.cookies import Cookies
from authgql.web.messages import PROTOCOL, Close, Payload
from authgql.web.origin import Networks, origin_of
from authgql.web.places import NoPlace, Place, Places
from authgql.web.socket import Socket
from authgql.web.subscriptions import Subscriptions

METHOD: Final = "GET"  # a WebSocket's handshake is one (RFC 6455 section 4.1)

log = structlog.get_logger("authgql.http")


class Sockets:
    """Takes WebSockets."""

    def __init__(
        self,
        *,
        subscriptions: Subscriptions,
        callers: Callers,
        services: Services,
        cookies: Cookies,
        places: Places,
        trusted_proxies: Networks,
    ) -> None:
        self._subscriptions = subscriptions
        self._callers = callers
        self._services = services
        self._cookies = cookies
        self._places = places
        self._trusted_proxies = trusted_proxies

    async def take(self, websocket: WebSocket) -> None:
        """Serve one."""
        request_id, started = new_id().hex, time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            close = await self._take(websocket, request_id)
            if close:
                with suppress(WebSocketDisconnect):
                    await websocket.close(close.code, close.reason)
            elapsed = round(time.perf_counter() - started, 1)
            log.info("socket", path=websocket.scope["path"], code=close.code if close else None, s=elapsed)

    async def _take(self, websocket: WebSocket, request_id: str) -> Close | None:
        origin, credentials = origin_of(websocket, self._trusted_proxies), self._cookies.read(websocket)
        if credentials.site is Site.FOREIGN:  # browsers let any page open a socket, with our cookies
            await self._note_forgery(credentials, origin)
            return Close(4403, CsrfRefused.code)  # before the handshake is answered: HTTP 403
        offered: Sequence[str] = websocket.scope["subprotocols"]
        if PROTOCOL not in offered:
            await websocket.accept(offered[0] if offered else None)  # or browsers would not tell the code
            return Close(4406, f"Subprotocol not acceptable: speak {PROTOCOL}")
        await websocket.accept(PROTOCOL)
        try:
            with self._places.place(origin.ip_address) as place:
                return await self._serve(websocket, place, credentials, origin, request_id)
        except NoPlace as refusal:
            return Close(1013, str(refusal))

    async def _serve(
        self, websocket: WebSocket, place: Place, credentials: Credentials, origin: Origin, request_id: str
    ) -> Close | None:
        async def admit(payload: Payload) -> Context:
            return await self._admit(_shown(payload, credentials), place, origin)

        socket = Socket(websocket, admit=admit, subscriptions=self._subscriptions, request_id=request_id)
        return await socket.serve()

    async def _admit(self, credentials: Credentials, place: Place, origin: Origin) -> Context:
        """Return what the socket's operations are run with; raises `Close`."""
        try:
            proved_key = await self._callers.prove(credentials, origin=origin, method=METHOD)
            caller = await self._callers.identify(
                credentials.access_token, proved_key=proved_key, origin=origin
            )
        except InvalidProof as refusal:
            raise Close(4403, " ".join([refusal.code, refusal.reason, refusal.nonce or ""]).strip()) from None
        except RateLimited as refusal:
            raise Close(1013, refusal.message) from None
        if caller is None or caller.session is None:
            raise Close(4401, "Unauthorized")
        try:
            place.give_to(caller.account.id)
        except NoPlace as refusal:
            raise Close(1013, str(refusal)) from None
        watch = await self._services.live.watch(caller.account, caller.session)
        return Context(
            services=self._services,
            origin=origin,
            credentials=credentials,
            caller=caller,
            proved_key=proved_key,
            watch=watch,
        )

    async def _note_forgery(self, credentials: Credentials, origin: Origin) -> None:
        if credentials.from_cookies:
            with suppress(CsrfRefused):
                await self._services.audit.refuse_often(Event.FORGERY_REFUSED, CsrfRefused(), origin=origin)


def _shown(payload: Payload, handshake: Credentials) -> Credentials:
    """Return what `connection_init` shows; the cookies count if it shows nothing and our own page asks."""
    shown = {name.lower(): value for name, value in payload.items() if isinstance(value, str)}
    authorization, proof = shown.get("authorization"), shown.get("dpop")
    proofs = () if proof is None else (proof,)
    if authorization is None and handshake.from_cookies and handshake.site is Site.OWN:
        return Credentials(
            access_token=handshake.access_token, from_cookies=True, site=handshake.site, proofs=proofs
        )
    token = None if authorization is None else bearer([authorization])
    return Credentials(access_token=token, site=handshake.site, proofs=proofs)
