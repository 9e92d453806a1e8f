"""In somebody else's application: mounted below a path, beside a schema of theirs that knows the caller."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, MutableMapping
from typing import Any

import httpx2
import pytest
import strawberry
import structlog
from starlette.applications import Starlette
from starlette.routing import Mount
from support.app import PASSWORD, SECRET, ManualClock, SignedIn
from support.app import Application as Ours
from support.dialects import no_database
from support.documents import LOGIN, LOGOUT, TERMINATE
from support.examples import example
from support.mail import MailServer
from support.proofs import ProofKey, claims_at

from authgql.accounts.models import Account
from authgql.app import create_app
from authgql.audit.events import Origin
from authgql.core.secrets import ascii_hash
from authgql.environment import load
from authgql.gate import guards
from authgql.gate.caller import Caller
from authgql.gate.context import Context, Info
from authgql.gate.credentials import Credentials
from authgql.sessions.models import Session
from authgql.settings import Settings
from authgql.web.schema import Mutation, Query, build_schema

ORIGIN = "https://www.example.com"
NOTES = "{ greeting notes { text author } }"
ADD = 'mutation { addNote(text: "remember") { author } }'


def settings(database_url: str, mail_server: MailServer) -> Settings:
    return load(
        public_url=f"{ORIGIN}/auth",
        secret_keys=(SECRET,),
        database_url=database_url,
        smtp_url=mail_server.url,
        password_hash_profile="testing",
        rate_limits=False,
        introspection=True,
        graphiql=True,
    )


class Embedded(Ours):
    """authgql below `/auth`, and the notes beside it."""

    async def notes(self, query: str, token: str | None = None, **headers: str) -> httpx2.Response:
        if token:
            headers["authorization"] = f"Bearer {token}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"{ORIGIN}/graphql", json={"query": query}, headers=named)


@pytest.fixture
async def embedded(database_url: str, mail_server: MailServer, clock: ManualClock) -> AsyncIterator[Embedded]:
    mail_server.forget()
    module = example("embed/notes.py")
    app: Starlette = module.build(settings(database_url, mail_server), origin=ORIGIN, clock=clock)
    async with app.router.lifespan_context(app):
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url=f"{ORIGIN}/auth") as client:
            yield Embedded(asgi=app.state.auth, client=client, clock=clock, mail=mail_server)
    structlog.reset_defaults()


async def test_their_own_fields_know_the_caller_until_the_session_ends(embedded: Embedded) -> None:
    ada: SignedIn = await embedded.signed_up()
    other = await embedded.login()
    assert (await embedded.notes(ADD, ada.access)).json()["data"] == {"addNote": {"author": "ada"}}
    assert (await embedded.notes(NOTES, ada.access)).json()["data"] == {
        "greeting": "Hello, ada!",
        "notes": [{"text": "remember", "author": "ada"}],
    }
    await embedded.gql(TERMINATE, {"id": ada.session_id}, token=other.access)
    answer = (await embedded.notes(NOTES, ada.access)).json()
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert (await embedded.notes("{ greeting }", ada.access)).json()["data"] == {
        "greeting": "Hello, whoever you are!"
    }


async def test_each_account_has_its_own_notes(embedded: Embedded) -> None:
    ada, eve = await embedded.signed_up(), await embedded.signed_up("eve")
    await embedded.notes(ADD, ada.access)
    assert (await embedded.notes(NOTES, eve.access)).json()["data"]["notes"] == []


@no_database
async def test_cookies_act_for_their_own_pages_alone(embedded: Embedded) -> None:
    await embedded.register()
    given = {"input": {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}}
    answer = await embedded.gql(LOGIN, given, headers={"origin": ORIGIN})
    assert answer.only["__typename"] == "LoginSuccess"
    assert (await embedded.notes(ADD, origin=ORIGIN)).json()["data"] == {"addNote": {"author": "ada"}}
    foreign = await embedded.notes(ADD, origin="https://evil.example")
    assert foreign.status_code == 403
    assert foreign.json()["errors"][0]["extensions"]["code"] == "CSRF_REFUSED"
    assert (await embedded.gql(LOGOUT, headers={"origin": ORIGIN})).only["session"][
        "endReason"
    ] == "LOGGED_OUT"
    assert (await embedded.notes(ADD, origin=ORIGIN)).json()["errors"][0]["extensions"] == {
        "code": "UNAUTHENTICATED"
    }


@no_database
async def test_a_bound_token_needs_a_proof_for_the_endpoint_at_which_it_is_shown(embedded: Embedded) -> None:
    key = ProofKey()

    def proof(address: str, **claims: object) -> str:
        return key.proof(claims_at(int(embedded.clock.now().timestamp()), htu=address, **claims))

    await embedded.register()
    given = {"input": {"username": "ada", "password": PASSWORD}}
    login_proof = proof(f"{ORIGIN}/auth/graphql")
    access = (await embedded.gql(LOGIN, given, headers={"dpop": login_proof})).only["tokens"]["accessToken"]

    async def ask(address: str) -> Any:
        shown = proof(address, ath=ascii_hash(access))
        return (await embedded.notes("{ greeting }", access, dpop=shown)).json()

    assert (await ask(f"{ORIGIN}/graphql"))["data"] == {"greeting": "Hello, ada!"}
    refused = await ask(f"{ORIGIN}/auth/graphql")
    assert refused["errors"][0]["extensions"]["code"] == "INVALID_DPOP_PROOF"


@no_database
async def test_everything_of_ours_answers_below_the_path(embedded: Embedded) -> None:
    await embedded.register()
    mail = await embedded.mail.token_for("ada@example.com")
    assert mail
    for path in ("/.well-known/jwks.json", "/revocations", "/readyz", "/account/verify-email"):
        assert (await embedded.client.get(f"{ORIGIN}/auth{path}")).status_code == 200, path
    page = await embedded.client.get(f"{ORIGIN}/auth/graphql", headers={"accept": "text/html"})
    assert 'src="/auth/graphiql/' in page.text
    script = await embedded.client.get(f"{ORIGIN}/auth/account/api.js")
    assert "../graphql" in script.text


# ---------------------------------------------------------------- their fields in our schema


@strawberry.type
class WithTime(Query):
    @strawberry.field(extensions=[guards.SignedIn()])  # type: ignore[untyped-decorator]
    async def hello(self, info: Info) -> str:
        account, _ = info.context.require()
        return f"Hello, {account.username}!"


@no_database
async def test_their_fields_can_stand_in_the_one_schema(
    database_url: str, mail_server: MailServer, clock: ManualClock
) -> None:
    mail_server.forget()
    schema = build_schema(query=WithTime, mutation=Mutation)
    auth = create_app(settings(database_url, mail_server), clock=clock, schema=schema)
    app = Starlette(routes=[Mount("/auth", app=auth)])
    async with auth.router.lifespan_context(auth):
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=f"{ORIGIN}/auth") as client:
            ours = Ours(asgi=auth, client=client, clock=clock, mail=mail_server)
            ada = await ours.signed_up()
            assert (await ours.gql("{ hello }", token=ada.access)).only == "Hello, ada!"
            assert (await ours.gql("{ hello }")).codes == ["UNAUTHENTICATED"]
    structlog.reset_defaults()


@strawberry.type
class Nothing:
    nothing: int = 0


@strawberry.type
class Ticks:
    @strawberry.subscription(extensions=[guards.SignedIn()])  # type: ignore[untyped-decorator]
    async def ticks(self) -> AsyncGenerator[int, None]:
        yield 1


@no_database
async def test_their_subscriptions_may_be_generators(app: Ours) -> None:
    ada = await app.signed_up()
    schema = strawberry.Schema(query=Nothing, subscription=Ticks)
    (account,), (session,) = await Account.filter(id=ada.user_id), await Session.filter(id=ada.session_id)

    async def heard(caller: Caller | None) -> list[Any]:
        context = Context(
            services=app.system.services,
            origin=Origin(ip_address="192.0.2.1", user_agent=""),
            credentials=Credentials(access_token=None),
            caller=caller,
        )
        answers = await schema.subscribe("subscription { ticks }", context_value=context)
        return [(answer.data, [str(error) for error in answer.errors or ()]) async for answer in answers]

    assert await heard(Caller(account=account, session=session)) == [({"ticks": 1}, [])]
    ((data, errors),) = await heard(None)
    assert (data, len(errors)) == (None, 1)
    assert "sign" in errors[0].lower()


# ---------------------------------------------------------------- their log


def fail(password: str) -> None:
    raise LookupError(len(password))


@pytest.mark.parametrize("theirs", [False, True])
@no_database
async def test_no_traceback_shows_what_a_variable_held(
    database_url: str, mail_server: MailServer, caplog: pytest.LogCaptureFixture, *, theirs: bool
) -> None:
    """structlog, left alone, prints every frame's variables with a traceback."""
    structlog.reset_defaults()
    seen: list[Any] = []

    def take(_: object, __: str, event: MutableMapping[str, Any]) -> str:
        seen.append(event)
        return "done"

    if theirs:
        structlog.configure(processors=[take])
    create_app(settings(database_url, mail_server))
    with caplog.at_level(logging.INFO):
        try:
            fail("violet-harbour" + "-umbrella")
        except LookupError:
            structlog.get_logger("authgql.http").exception("request.failed")
    structlog.reset_defaults()
    assert bool(seen) is theirs  # what they have chosen stays
    assert ("LookupError" in caplog.text) is not theirs
    assert "violet-harbour-umbrella" not in caplog.text
