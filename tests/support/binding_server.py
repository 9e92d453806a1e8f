"""A server that speaks to the example for single-page apps, and verifies its proofs, as authgql does."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from authgql.core.clock import Clock
from authgql.core.replay import MemoryReplays
from authgql.core.sealing import Sealer
from authgql.tokens.dpop import InvalidProof, Proofs
from authgql.tokens.nonces import Nonces
from support.app import SECRET
from support.proofs import verify

OPERATION = re.compile(r"(?:query|mutation) (\w+)")


def proofs_of(public_url: str, *, require_nonce: bool) -> Proofs:
    clock = Clock()
    return Proofs(
        clock=clock,
        public_url=public_url,
        replays=MemoryReplays(clock=clock),
        nonces=Nonces(clock=clock, sealer=Sealer([SECRET])),
        require_nonce=require_nonce,
    )


class BindingServer:
    """Has one account, one session, and a log of operations' names and of reasons for refusals."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.proofs = proofs_of(url, require_nonce=True)
        self.log: list[str] = []
        self.keys: set[str] = set()
        self.access_token: str | None = None
        self.refresh_token: str | None = None
        self.token_type = "DPoP"
        self.expires_in = 600
        self.knows_nobody = False
        self._issued = 0

    async def answer(self, request: Request) -> Response:
        """Verify the proof, then answer as the operation's name asks."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        assert scheme in ("", "DPoP")
        headers = request.headers.getlist("dpop")
        try:
            key = await verify(self.proofs, headers, access_token=token or None)
        except InvalidProof as error:
            return self._refuse(error)
        self.keys.add(key)
        sent = await request.json()
        name = OPERATION.findall(sent["query"])[0]
        self.log.append(name)
        known = self.access_token is not None and token == self.access_token and not self.knows_nobody
        return JSONResponse(self._run(name, (sent.get("variables") or {}).get("input", {}), known=known))

    def _refuse(self, error: InvalidProof) -> Response:
        self.log.append(error.reason)
        body = {"message": error.message, "extensions": {"code": error.code, "reason": error.reason}}
        return JSONResponse({"errors": [body]}, headers={"dpop-nonce": error.nonce} if error.nonce else {})

    def _run(self, name: str, given: Mapping[str, Any], *, known: bool) -> Mapping[str, Any]:
        if name == "Login":
            return {"data": {"login": self._tokens("Login", good=given["password"] == "right")}}
        if name == "Refresh":
            good = given["refreshToken"] == self.refresh_token
            return {"data": {"refresh": self._tokens("Refresh", good=good)}}
        if name == "Guarded" and not known:
            return {"data": None, "errors": [{"message": "…", "extensions": {"code": "UNAUTHENTICATED"}}]}
        if name == "Logout":
            self.access_token = self.refresh_token = None
        return {"data": {"me": {"username": "ada"} if known else None}}

    def _tokens(self, name: str, *, good: bool) -> Mapping[str, Any]:
        if not good:
            return {"__typename": "InvalidToken", "code": "INVALID_TOKEN", "message": f"{name} was refused."}
        self._issued += 1
        self.access_token, self.refresh_token = f"access-{self._issued}", f"refresh-{self._issued}"
        tokens = {"accessToken": self.access_token, "refreshToken": self.refresh_token}
        kind = {"tokenType": self.token_type, "expiresIn": self.expires_in}
        return {"__typename": f"{name}Success", "tokens": {**tokens, **kind}}


@asynccontextmanager
async def binding_server(files: Path) -> AsyncIterator[BindingServer]:
    """Run one, with pages of its own, until the test is over."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = BindingServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        pages = Mount("/", StaticFiles(directory=files, html=True))
        app = Starlette(routes=[Route("/graphql", server.answer, methods=["POST"]), pages])
        runner = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        task = asyncio.create_task(runner.serve(sockets=[listener]))
        try:
            yield server
        finally:
            runner.should_exit = True
            await task
