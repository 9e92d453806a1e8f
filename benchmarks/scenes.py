"""Scenes: what is asked of a server, and the accounts and sessions that must be there for it."""

import http.client
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from benchmarks.load import Conversation, WrongAnswer

PASSWORD: Final = "violet-harbour-umbrella-27"  # noqa: S105 -- opens nothing but a benchmark's database
FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ENDED_SESSIONS: Final = 180
ACTIVE_SESSIONS: Final = 20
REFRESH_TOKEN: Final = re.compile(rb'"refreshToken":"(agr_[A-Za-z0-9_-]{43})"')

REGISTER: Final = """
mutation Register($input: RegisterInput!) {
  register(input: $input) { ... on RegisterSuccess { user { id } } ... on Refusal { code message } }
}"""
LOGIN: Final = """
mutation Login($input: LoginInput!) {
  login(input: $input) {
    ... on LoginSuccess {
      user { id username }
      session { id expiresAt }
      tokens { accessToken tokenType expiresIn refreshToken refreshExpiresAt }
    }
    ... on Refusal { code message }
  }
}"""
REFRESH: Final = """
mutation Refresh($input: RefreshInput) {
  refresh(input: $input) {
    ... on RefreshSuccess {
      session { id }
      tokens { accessToken tokenType expiresIn refreshToken refreshExpiresAt }
    }
    ... on Refusal { code message }
  }
}"""
TERMINATE_OTHERS: Final = """
mutation { terminateOtherSessions { ... on SessionsTerminated { count } } }"""
ME: Final = "query Me { me { id username email emailVerified firstName lastName } }"
SESSIONS: Final = """
query Sessions {
  sessions(first: 20) {
    nodes {
      id status current ipAddress loggedInAt lastSeenAt expiresAt
      device { name kind }
      token { expiresAt refreshedCount }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""


@dataclass
class Repeated:
    """The same request over and over; an answer holds `mark` so many times."""

    wanted: bytes
    mark: bytes
    times: int = 1

    def request(self) -> bytes:
        """Return the request."""
        return self.wanted

    def hear(self, body: bytes) -> None:
        """Check the answer."""
        if body.count(self.mark) != self.times:
            raise WrongAnswer(body.decode())


@dataclass
class Chain:
    """A session that refreshes, each time with the token of the answer before."""

    token: str

    def request(self) -> bytes:
        """Return the request that spends the newest token."""
        return post(REFRESH, {"input": {"refreshToken": self.token}})

    def hear(self, body: bytes) -> None:
        """Keep the successor."""
        found = REFRESH_TOKEN.search(body)
        if found is None:
            raise WrongAnswer(body.decode())
        self.token = found[1].decode()


def bare(connections: int) -> Sequence[Conversation]:
    """Ask the yardstick."""
    request = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"
    return [Repeated(request, b'"ok"') for _ in range(connections)]


def prepare(port: int, connections: int) -> dict[str, Sequence[Conversation]]:
    """Register accounts on an empty server and return what to ask it, by name."""
    server = Client(port)
    for name in ("reader", "comer", "stayer"):
        given = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        server.ask(REGISTER, {"input": given})
    for _ in range(ENDED_SESSIONS):
        server.login("reader")
    tokens = server.login("reader")
    server.ask(TERMINATE_OTHERS, {}, authorization=f"Bearer {tokens['accessToken']}")
    for _ in range(ACTIVE_SESSIONS - 1):
        server.login("reader")
    bearer = f"authorization: Bearer {tokens['accessToken']}"
    login = {"input": {"username": "comer", "password": PASSWORD}}
    return {
        "me": [Repeated(post(ME, None, bearer), b'"username":"reader"')] * connections,
        "sessions(first: 20)": [Repeated(post(SESSIONS, None, bearer), b'"status":"ACTIVE"', ACTIVE_SESSIONS)]
        * connections,
        "login": [Repeated(post(LOGIN, login), b'"accessToken":"')] * connections,
        "refresh": [Chain(server.login("stayer")["refreshToken"]) for _ in range(connections)],
    }


def post(query: str, variables: Mapping[str, object] | None = None, *more: str) -> bytes:
    """Return a request that runs an operation, with more headers."""
    body = orjson.dumps({"query": query, "variables": variables})
    head = [
        "POST /graphql HTTP/1.1",
        "host: localhost",
        f"user-agent: {FIREFOX}",
        "accept: application/graphql-response+json",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *more,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


class Client:
    """Asks one thing after the other, for what must be there beforehand."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, query: str, variables: Mapping[str, object], **headers: str) -> Any:  # noqa: ANN401 -- JSON
        """Run an operation and return what it says, or raise `WrongAnswer` if that is a refusal."""
        headers |= {"content-type": "application/json", "user-agent": FIREFOX}
        body = orjson.dumps({"query": query, "variables": variables})
        self._connection.request("POST", "/graphql", body, headers)
        answer = orjson.loads(self._connection.getresponse().read())
        (value,) = (answer.get("data") or {None: None}).values()
        if not value or "code" in value:
            raise WrongAnswer(str(answer))
        return value

    def login(self, username: str, **headers: str) -> Any:  # noqa: ANN401 -- JSON
        """Sign in and return the tokens."""
        given = {"username": username, "password": PASSWORD}
        return self.ask(LOGIN, {"input": given}, **headers)["tokens"]
