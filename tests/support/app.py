"""The application in the test's own process, spoken to over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import structlog
import uvloop
from starlette.applications import Starlette

from authgql.app import create_app
from authgql.core.clock import Clock
from authgql.core.database import Database, current
from authgql.core.migrations import migrate
from authgql.environment import load
from authgql.system import MODELS, System
from support.documents import LOGIN, REFRESH, REGISTER
from support.mail import MailServer

SECRET = "a-secret-that-only-the-tests-know-0123456789"
PASSWORD = "violet-harbour-umbrella-27"
LOOPS = {
    "mail",
    "live",
    "watch",
    "keys",
    "reset-requests",
    "erasure",
    "activity",
    "timeouts",
    "refresh-grace",
    "revocations",
    "janitor",
    "sealer",
}  # whose statements are nobody's request
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)


class ManualClock(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float = 0, **span: float) -> None:
        self._now += timedelta(seconds=seconds, **span)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer to a GraphQL request."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]

    @property
    def data(self) -> dict[str, Any]:
        """The data of an answer without errors."""
        assert "errors" not in self.body, self.body["errors"]
        data: dict[str, Any] = self.body["data"]
        return data

    @property
    def only(self) -> Any:
        """The value of the one root field of an answer without errors."""
        (value,) = self.data.values()
        return value

    @property
    def codes(self) -> list[str]:
        """The codes of the errors."""
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]


@dataclass(frozen=True)
class SignedIn:
    """What a client keeps of a login."""

    access: str
    refresh: str
    session_id: str
    user_id: str


@dataclass
class Application:
    """The running application."""

    asgi: Starlette
    client: httpx2.AsyncClient
    clock: ManualClock
    mail: MailServer

    @property
    def system(self) -> System:
        system: System = self.asgi.state.system
        return system

    async def gql(
        self,
        query: str,
        variables: Mapping[str, object] | None = None,
        *,
        token: str | None = None,
        user_agent: str = FIREFOX,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send an operation, as whoever holds `token`."""
        sent = {"user-agent": user_agent, **(headers or {})}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        body = {"query": query, "variables": variables}
        response = await self.client.post("/graphql", json=body, headers=sent)
        return Answer(response.status_code, response.json(), response.headers)

    async def register(
        self, username: str = "ada", email: str | None = None, password: str = PASSWORD
    ) -> dict[str, Any]:
        """Register and return the user."""
        given = {"username": username, "email": email or f"{username}@example.com", "password": password}
        result = (await self.gql(REGISTER, {"input": given})).only
        assert result["__typename"] == "RegisterSuccess", result
        user: dict[str, Any] = result["user"]
        return user

    async def login(
        self, username: str = "ada", password: str = PASSWORD, *, user_agent: str = FIREFOX
    ) -> SignedIn:
        """Log in and return what a client keeps."""
        given = {"username": username, "password": password}
        result = (await self.gql(LOGIN, {"input": given}, user_agent=user_agent)).only
        assert result["__typename"] == "LoginSuccess", result
        return SignedIn(
            access=result["tokens"]["accessToken"],
            refresh=result["tokens"]["refreshToken"],
            session_id=result["session"]["id"],
            user_id=result["user"]["id"],
        )

    async def signed_up(self, username: str = "ada") -> SignedIn:
        """Register and log in."""
        await self.register(username)
        return await self.login(username)

    async def refresh(self, refresh_token: str) -> Any:
        """Refresh and return the union member."""
        return (await self.gql(REFRESH, {"input": {"refreshToken": refresh_token}})).only

    async def rows(self, query: str, *values: object) -> Sequence[Mapping[str, Any]]:
        """Look into the database: `$1`, `$2` … stand for the values."""
        connection = current()
        if connection.capabilities.dialect == "sqlite":
            query = query.replace("$", "?")
            values = tuple(str(value) for value in values)
        found: Sequence[Mapping[str, Any]] = await connection.execute_query_dict(query, list(values))
        return found

    async def events(self) -> list[str]:
        """Return the kinds in the audit trail, oldest first."""
        return [row["kind"] for row in await self.rows("SELECT kind FROM security_events ORDER BY id")]

    async def run_loop(self, name: str) -> None:
        """Do a recurring job's work now."""
        (loop,) = (loop for loop in self.system.loops._loops if loop.name == name)  # noqa: SLF001
        await loop.work()

    @asynccontextmanager
    async def called_from(self, ip_address: str) -> "AsyncIterator[Application]":
        """Speak to the same application from another address."""
        transport = httpx2.ASGITransport(self.asgi, raise_app_exceptions=False, client=(ip_address, 50_000))
        async with httpx2.AsyncClient(transport=transport, base_url="https://id.example.com") as client:
            yield replace(self, client=client)

    @asynccontextmanager
    async def elsewhere(self) -> "AsyncIterator[Application]":
        """Speak to the same application from another browser: one that has none of the cookies."""
        async with self.called_from("203.0.113.7") as other:
            yield other

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """Collect the SQL statements that requests send meanwhile, without BEGIN and COMMIT."""
        seen: list[str] = []
        with recording(seen):
            yield seen


@contextmanager
def recording(
    seen: list[str], *, parameters: list[Sequence[object]] | None = None, loops: bool = False
) -> Iterator[None]:
    """Write down every statement that any Tortoise connection is sent; those of loops only if asked."""
    from tortoise.backends.asyncpg.client import AsyncpgDBClient  # noqa: PLC0415 -- patched here alone
    from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionWrapper  # noqa: PLC0415

    from authgql.core.sqlite import Client, Transaction  # noqa: PLC0415 -- the same

    methods = ("execute_query", "execute_query_dict", "execute_insert", "execute_many", "execute_script")
    tortoises = (AsyncpgDBClient, SqliteClient, SqliteTransactionWrapper, *AsyncpgDBClient.__subclasses__())
    originals = [
        (owner, name, owner.__dict__[name])
        for owner, names in (
            *((owner, methods) for owner in tortoises),
            (Client, ["run"]),
            (Transaction, ["run"]),
        )
        for name in names
        if name in owner.__dict__
    ]

    def noting(original: Any) -> Any:
        async def wrapper(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            task = asyncio.current_task()
            if loops or task is None or task.get_name() not in LOOPS:
                steps = [(query, args[0] if args and args[0] else ())] if isinstance(query, str) else query
                seen.extend(statement for statement, _ in steps)
                if parameters is not None:
                    parameters.extend(values for _, values in steps)
            return await original(self, query, *args, **kwargs)

        return wrapper

    for owner, name, original in originals:
        setattr(owner, name, noting(original))
    try:
        yield
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


@asynccontextmanager
async def application(
    *, clock: ManualClock, mail_server: MailServer, **given: object
) -> AsyncIterator[Application]:
    """Run the application as `authgql serve` does."""
    settings = load(
        **{
            "public_url": "https://id.example.com",
            "secret_keys": (SECRET,),
            "password_hash_profile": "testing",
            "rate_limits": False,
            "introspection": True,
            **given,
        },
    )
    if not structlog.is_configured():
        structlog.configure()  # as it is: printed, for tests to read
    asgi = create_app(settings, clock=clock)
    async with asgi.router.lifespan_context(asgi):
        transport = httpx2.ASGITransport(app=asgi, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="https://id.example.com") as client:
            yield Application(asgi=asgi, client=client, clock=clock, mail=mail_server)


def migrated(url: str) -> None:
    """Migrate a database."""

    async def work() -> None:
        database = Database(url=url, models=MODELS)
        await database.open()
        try:
            await migrate(database.config)
        finally:
            await database.close()

    uvloop.run(work())


async def together(*calls: Any) -> list[Any]:
    """Run calls at once and return their results."""
    return list(await asyncio.gather(*calls))
