"""A service of your own behind `verifier.py`: `uvicorn service:app`, with AUTHGQL_URL in the environment."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from verifier import SignedInMiddleware, Verifier

URL = os.environ.get("AUTHGQL_URL", "http://localhost:8000")
verifier = Verifier(url=URL, issuer=os.environ.get("AUTHGQL_ISSUER", URL))


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    async with verifier.following():
        yield


async def who_am_i(request: Request) -> Response:
    claims = request.state.claims
    return JSONResponse({"user": claims["sub"] if claims else None})


app = Starlette(
    routes=[Route("/", who_am_i)],
    middleware=[Middleware(SignedInMiddleware, verifier=verifier)],
    lifespan=lifespan,
)
