"""The ASGI application: the system, with the web in front of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from authgql.core.clock import Clock
from authgql.core.metrics import Metrics
from authgql.core.secrets import hex_digest, new_nonce
from authgql.core.telemetry import keep_locals_out
from authgql.gate.caller import Callers
from authgql.settings import Settings
from authgql.web.account import pages as account_pages
from authgql.web.contexts import Contexts
from authgql.web.cookies import Cookies
from authgql.web.cross_origin import CrossOrigin
from authgql.web.direct import Direct
from authgql.web.documents import Documents
from authgql.web.endpoint import Endpoint
from authgql.web.graphiql.page import GraphiQL
from authgql.web.introspection import Introspection
from authgql.web.mailbox import pages as mailbox_pages
from authgql.web.middleware import Requests, security_headers
from authgql.web.places import Places
from authgql.web.responses import refuse
from authgql.web.revocations import RevocationRoutes
from authgql.web.routes import Routes
from authgql.web.schema import Schema, build_schema
from authgql.web.sockets import Sockets
from authgql.web.streams import Streams
from authgql.web.subscriptions import Subscriptions
from authgql.web.trusted import read_trusted
from authgql.wiring import build


def create_app(settings: Settings, *, clock: Clock | None = None, schema: Schema | None = None) -> Starlette:
    """Build the ASGI application; `app.state.routes.draining` takes it out of rotation.

    Somebody else's application mounts it, and runs `app.state.system.serving()` in its own lifespan;
    `app.state.contexts` tells its own endpoints who calls. `schema` may have more fields than ours.
    """
    keep_locals_out()
    system = build(settings, clock=clock)
    schema = schema or build_schema(auth_directives=settings.federation_auth_directives)
    graphql_schema = schema._schema  # noqa: SLF001 -- Strawberry offers no public way to graphql-core's schema
    metrics = Metrics()
    system.services.audit.on_event = metrics.event
    metrics.gauge("hashing", "Passwords being hashed, or waiting for it.", system.hashing.under_way)
    metrics.gauge("database_connections", "Connections in use.", system.database.connections_in_use)
    callers = Callers(
        access=system.access,
        sessions=system.services.sessions,
        limits=system.limits,
        proofs=system.proofs,
        binding=system.binding,
    )
    introspection = Introspection(callers=callers, clients=settings.introspection_clients)
    cookies = Cookies(clock=clock or Clock(), public_url=settings.public_url, origins=settings.origins)
    contexts = Contexts(
        callers=callers,
        services=system.services,
        cookies=cookies,
        trusted_proxies=settings.trusted_proxies,
    )
    documents = Documents(
        graphql_schema,
        introspection=settings.answers_introspection,
        trusted=_trusted(settings.trusted_documents),
    )
    subscriptions = Subscriptions(schema=graphql_schema, documents=documents)
    places = Places(per_account=settings.max_live_per_account, per_client=settings.max_live_per_client)
    streams = Streams(subscriptions=subscriptions, places=places)
    endpoint = Endpoint(
        schema=graphql_schema, documents=documents, contexts=contexts, cookies=cookies, streams=streams
    )
    sockets = Sockets(
        subscriptions=subscriptions,
        callers=callers,
        services=system.services,
        cookies=cookies,
        places=places,
        trusted_proxies=settings.trusted_proxies,
    )
    mailbox = system.mailbox if settings.development else None
    graphiql = (
        GraphiQL(nonce=new_nonce, mailbox="/dev/mailbox" if mailbox else None)
        if settings.shows_graphiql
        else None
    )
    routes = Routes(
        endpoint=endpoint,
        sockets=sockets,
        graphiql=graphiql,
        jwks=system.keys.jwks,
        pings={"database": system.database.ping, "bus": system.bus.ping},
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with system.serving():
            yield

    app = Starlette(
        routes=[
            *routes.routes(),
            *introspection.routes(),
            *RevocationRoutes(feed=system.revocations).routes(),
            *account_pages.routes(),
            *(graphiql.routes() if graphiql else []),
            *(mailbox_pages.routes(mailbox) if mailbox else []),
        ],
        middleware=[
            Middleware(Requests, headers=security_headers(settings.strict_transport), count=metrics.request),
            Middleware(Direct, post=endpoint.post),
            Middleware(CrossOrigin, origins=settings.origins),
        ],
        exception_handlers={HTTPException: refuse},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it would send them wherever the Host header says
    app.state.routes, app.state.contexts = routes, contexts
    app.state.system, app.state.streams, app.state.metrics = system, streams, metrics
    return app


def _trusted(file: Path | None) -> dict[str, str] | None:
    """Return the documents that alone may run, by id: the file's, and those of our own pages."""
    own = {hex_digest(document, "sha256"): document for document in account_pages.documents()}
    return read_trusted(file) | own if file else None
