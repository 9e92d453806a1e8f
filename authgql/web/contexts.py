"""Who sends a request, and may this site: asked once for each, before anything of it runs."""

import structlog
from starlette.requests import Request

from authgql.audit.events import Event, Origin
from authgql.core.database import is_unavailable
from authgql.core.errors import Problem, Unavailable
from authgql.gate.caller import ENDPOINT, Callers
from authgql.gate.context import Context, Services
from authgql.gate.credentials import Credentials
from authgql.gate.errors import CsrfRefused
from authgql.web.cookies import Cookies
from authgql.web.origin import Networks, origin_of

log = structlog.get_logger(__name__)


class Contexts:
    """Makes the context that guards and resolvers ask, for our own endpoint and for others' beside it."""

    def __init__(
        self, *, callers: Callers, services: Services, cookies: Cookies, trusted_proxies: Networks
    ) -> None:
        self._callers = callers
        self._services = services
        self._cookies = cookies
        self._trusted_proxies = trusted_proxies

    async def of(self, request: Request, *, mutation: bool, address: str = ENDPOINT) -> Context:
        """Return a request's context; an endpoint that does not know yet what will run says `mutation`.

        `address` is the endpoint's own, as DPoP proofs name it: a path below the public URL, or a whole
        URL. Raises `CsrfRefused`, `InvalidProof`, `RateLimited` and `Unavailable`.
        """
        try:
            return await self._of(request, mutation=mutation, address=address)
        except Exception as error:
            if isinstance(error, Problem) or not is_unavailable(error):
                raise
            log.warning("unavailable", error=type(error).__name__)
            raise Unavailable from error

    async def _of(self, request: Request, *, mutation: bool, address: str) -> Context:
        origin, credentials = origin_of(request, self._trusted_proxies), self._cookies.read(request)
        await self._check_site(credentials, origin, mutation=mutation)
        proved_key = await self._callers.prove(credentials, origin=origin, address=address)
        caller = await self._callers.identify(credentials.access_token, proved_key=proved_key, origin=origin)
        return Context(
            services=self._services,
            origin=origin,
            credentials=credentials,
            caller=caller,
            proved_key=proved_key,
        )

    async def _check_site(self, credentials: Credentials, origin: Origin, *, mutation: bool) -> None:
        try:
            credentials.check_site(mutation=mutation)
        except CsrfRefused as refusal:
            await self._services.audit.refuse_often(Event.FORGERY_REFUSED, refusal, origin=origin)
