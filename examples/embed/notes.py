"""Your own application with authgql inside: `uvicorn --factory notes:main`.

authgql answers below `/auth`. The application's own GraphQL endpoint, at `/graphql`, has its own schema,
whose fields use authgql's guards and know the caller.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL

from authgql.app import create_app
from authgql.core.clock import Clock
from authgql.core.errors import Problem
from authgql.environment import for_serving, load
from authgql.gate.context import Context, Info
from authgql.gate.guards import SignedIn
from authgql.settings import Settings
from authgql.web.endpoint import turned_away


@strawberry.type
class Note:
    """A note of somebody's."""

    text: str
    author: str


class Notes:
    """A table of your own; `account.id` is what to keep of a user."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, Note]] = []

    def add(self, owner: str, note: Note) -> None:
        self._rows.append((owner, note))

    def of(self, owner: str) -> list[Note]:
        return [note for account_id, note in self._rows if account_id == owner]


def build_schema(notes: Notes) -> strawberry.Schema:
    """Build your own schema."""

    @strawberry.type
    class Query:
        @strawberry.field
        def greeting(self, info: Info) -> str:
            caller = info.context.caller  # None for nobody
            return f"Hello, {caller.account.username}!" if caller else "Hello, whoever you are!"

        @strawberry.field(extensions=[SignedIn()])  # nobody gets UNAUTHENTICATED
        async def notes(self, info: Info) -> list[Note]:
            account, _session = info.context.require()
            return notes.of(str(account.id))

    @strawberry.type
    class Mutation:
        @strawberry.mutation(extensions=[SignedIn()])
        async def add_note(self, info: Info, text: str) -> Note:
            account, _session = info.context.require()
            note = Note(text=text, author=account.username)
            notes.add(str(account.id), note)
            return note

    return strawberry.Schema(query=Query, mutation=Mutation)


class Endpoint(GraphQL[Context, None]):
    """Strawberry's endpoint, with authgql's context: who calls is asked of the database each time."""

    def __init__(self, schema: strawberry.Schema, *, auth: Starlette, address: str) -> None:
        super().__init__(schema, subscription_protocols=[])
        self._auth = auth
        self._address = address

    async def get_context(
        self,
        request: Request | WebSocket,
        response: Response | WebSocket,  # noqa: ARG002 -- Strawberry's signature
    ) -> Context:
        """Tell who calls; a page of another site that uses a browser's cookies is refused."""
        assert isinstance(request, Request)  # noqa: S101 -- no subscriptions here
        context: Context = await self._auth.state.contexts.of(request, mutation=True, address=self._address)
        return context


async def refuse(_: Request, problem: Exception) -> Response:
    """Answer a request of which nothing ran, as authgql does."""
    assert isinstance(problem, Problem)  # noqa: S101 -- what it is registered for
    return turned_away(problem)


def build(settings: Settings, *, origin: str, clock: Clock | None = None) -> Starlette:
    """Build the application; `settings.public_url` is the origin with authgql's path."""
    auth = create_app(settings, clock=clock)
    endpoint = Endpoint(build_schema(Notes()), auth=auth, address=f"{origin}/graphql")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # A mounted application's own lifespan is not run: database, keys and loops are opened here.
        async with auth.state.system.serving():
            yield

    app = Starlette(
        routes=[Route("/graphql", endpoint), Mount("/auth", app=auth)],
        exception_handlers={Problem: refuse},
        lifespan=lifespan,
    )
    app.state.auth = auth
    return app


def main() -> Starlette:
    """Build it from the environment."""
    origin = os.environ.get("ORIGIN", "http://localhost:8000")
    settings = for_serving(load(public_url=f"{origin}/auth"), port=8000)
    return build(settings, origin=origin)
