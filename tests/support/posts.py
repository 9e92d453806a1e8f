"""A second subgraph: posts, which give users a field and refer to them as their authors."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@strawberry.federation.type(keys=["id"])
class User:
    """authgql's entity, as far as posts know it."""

    id: strawberry.ID

    @strawberry.field
    def posts(self) -> "list[Post]":
        return [
            Post(id=strawberry.ID(f"{self.id}-{number}"), title=f"Note {number}", author=self)
            for number in (1, 2)
        ]

    @classmethod
    def resolve_reference(cls, id: strawberry.ID) -> "User":  # noqa: A002 -- the key's name
        return cls(id=id)


@strawberry.federation.type(keys=["id"])
class Post:
    id: strawberry.ID
    title: str
    author: User


@strawberry.type
class Query:
    @strawberry.field
    def posts_by(self, authors: list[strawberry.ID]) -> list[Post]:
        return [
            Post(id=strawberry.ID(author), title=f"By {author}", author=User(id=author)) for author in authors
        ]


SCHEMA = strawberry.federation.Schema(query=Query, types=[User, Post], federation_version="2.9")


@dataclass
class Posts:
    """The subgraph's server; `meanwhile` runs before it answers, when the gateway is in mid-flight."""

    meanwhile: Callable[[], Awaitable[Any]] | None = None
    asgi: Starlette = field(init=False)

    def __post_init__(self) -> None:
        self.asgi = Starlette(routes=[Route("/graphql", self._answer, methods=["POST"])])

    async def _answer(self, request: Request) -> Response:
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        sent = await request.json()
        result = await SCHEMA.execute(sent["query"], variable_values=sent.get("variables"))
        assert not result.errors, result.errors
        return JSONResponse({"data": result.data})
