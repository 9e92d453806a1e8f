"""Nobody learns from an answer or its time whether somebody has an account, but where the contract tells."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from conftest import MakeApp
from support.accounts import (
    REQUEST_RESET,
    RESET_PASSWORD,
    VERIFY_EMAIL,
    WRONG_PASSWORD,
    lock,
    resend,
    update_profile,
)
from support.app import Application
from support.documents import LOGIN
from support.ports import free_port
from support.timing import mann_whitney, told_apart

from authgql.core.sealing import Sealer
from authgql.limits.devices import MAX_ACCOUNTS, SEPARATOR

ONLY_HERS = {"x-request-id"}
FORGED = f"{'A' * 22}.{9**17}.{'0' * 32}"


async def whole(app: Application, document: str, variables: dict[str, object]) -> tuple[str, dict[str, str]]:
    body = {"query": document, "variables": variables}
    response = await app.client.post("/graphql", json=body)
    headers = {name: value for name, value in response.headers.items() if name not in ONLY_HERS}
    return response.text, headers


def attempt(username: str) -> dict[str, object]:
    return {"input": {"username": username, "password": WRONG_PASSWORD}}


def address(username: str) -> dict[str, object]:
    return {"email": f"{username}@example.com"}


@pytest.mark.parametrize("known", ["ada", "ada@example.com"])
async def test_a_failed_login_is_answered_alike_byte_for_byte(app: Application, known: str) -> None:
    await app.register()
    unknown = known.replace("ada", "eve")
    assert await whole(app, LOGIN, attempt(known)) == await whole(app, LOGIN, attempt(unknown))


async def test_a_locked_account_is_answered_alike_byte_for_byte(app: Application) -> None:
    await app.register()
    await lock(app)
    assert await whole(app, LOGIN, attempt("ada")) == await whole(app, LOGIN, attempt("eve"))


async def test_a_reset_request_is_answered_alike_byte_for_byte(app: Application) -> None:
    for name in ("ada", "grace"):
        await app.register(name)
    await lock(app, "grace")
    answers = [await whole(app, REQUEST_RESET, address(name)) for name in ("ada", "eve", "grace")]
    assert answers[0] == answers[1] == answers[2]


async def test_worthless_links_are_answered_alike_whoever_they_were_for(app: Application) -> None:
    await app.register()
    token = await app.mail.token_for("ada@example.com")
    await app.gql(VERIFY_EMAIL, {"token": token})
    forged = "agl_" + "A" * 43
    assert await whole(app, VERIFY_EMAIL, {"token": token}) == await whole(
        app, VERIFY_EMAIL, {"token": forged}
    )
    spent, unknown = [
        await whole(app, RESET_PASSWORD, {"input": {"token": each, "newPassword": WRONG_PASSWORD}})
        for each in (token, forged)
    ]
    assert spent == unknown


async def statements(app: Application, document: str, variables: dict[str, object]) -> list[str]:
    with app.counting() as seen:
        await whole(app, document, variables)
    return [shape(statement) for statement in seen]


async def test_an_unknown_name_costs_as_much_hashing_as_a_known_one(app: Application) -> None:
    await app.register()
    assert await statements(app, LOGIN, attempt("ada")) == await statements(app, LOGIN, attempt("eve"))


async def test_a_reset_request_is_one_statement_whoever_has_the_address(app: Application) -> None:
    await app.register()
    for name in ("ada", "eve"):
        (only,) = await statements(app, REQUEST_RESET, address(name))
        assert only.startswith('INSERT INTO "reset_requests"')


def shape(statement: str) -> str:
    return re.sub(r"\s+", " ", statement)


async def limited(
    app: Application, document: str, variables: dict[str, object]
) -> tuple[str, dict[str, str]]:
    """Ask until there is an end to it, and return the first answer that says so."""
    for _ in range(20):
        answer, headers = await whole(app, document, variables)
        if "RateLimited" in answer:
            headers.pop(
                "content-length"
            )  # the seconds, which depend on when the asking began, have 1 to 4 digits
            return re.sub(r"\d+", "N", answer), headers
    raise AssertionError("there was no end to it")


async def test_a_login_is_limited_alike_byte_for_byte(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    assert await limited(app, LOGIN, attempt("ada")) == await limited(app, LOGIN, attempt("eve"))


async def test_a_reset_request_is_limited_alike_byte_for_byte(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    known, unknown = [await limited(app, REQUEST_RESET, address(name)) for name in ("ada", "eve")]
    assert known == unknown


async def test_asking_for_the_mail_again_does_not_tell_whose_the_pending_address_is_by_now(
    app: Application,
) -> None:
    ada, bea = await app.signed_up("ada"), await app.signed_up("bea")
    answers, costs = [], []
    for who, wanted in ((ada, "eve@example.com"), (bea, "nobody@example.com")):
        await update_profile(app, who.access, email=wanted)
        if who is ada:
            await app.register("eve")
        with app.counting() as seen:
            answers.append(str(await resend(app, who.access)).replace(wanted, "N"))
        costs.append([shape(statement) for statement in seen])
    assert answers[0] == answers[1]
    assert costs[0] == costs[1]


async def test_a_stranger_s_name_is_forbidden_without_being_looked_up(app: Application) -> None:
    ada = await app.signed_up("ada")
    await app.register("bea")
    asked = "query ($name: String!) { user(username: $name) { id } }"
    costs = []
    for name in ("bea", "eve"):
        with app.counting() as seen:
            assert (await app.gql(asked, {"name": name}, token=ada.access)).codes == ["FORBIDDEN"]
        costs.append([shape(statement) for statement in seen])
    assert costs[0] == costs[1]
    assert len(costs[0]) == 1  # the caller's own session


def asking(app: Application, document: str, variables: dict[str, object]) -> Callable[[], Awaitable[object]]:
    """Return a request and one more, which is late if the first leaves work behind for after its answer."""

    async def ask() -> None:
        await whole(app, document, variables)
        await whole(app, "{ __typename }", {})

    return ask


@pytest.fixture(params=["there", "away", "silent"])
async def mail(request: pytest.FixtureRequest) -> AsyncIterator[dict[str, object]]:
    """The settings for a mail server: the usual one, none at all, or one that never says a word."""
    if request.param == "there":
        yield {}
    elif request.param == "away":
        yield {"smtp_url": f"smtp://127.0.0.1:{free_port()}"}
    else:
        async with silent_server() as port:
            yield {"smtp_url": f"smtp://127.0.0.1:{port}"}


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    callers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: callers.append(writer), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for writer in callers:
        writer.close()
        await writer.wait_closed()


async def test_a_reset_request_takes_as_long_for_nobody_whatever_the_mail_server_does(
    make_app: MakeApp, mail: dict[str, object]
) -> None:
    app = await make_app(**mail)
    await app.register()
    known, unknown = [asking(app, REQUEST_RESET, address(name)) for name in ("ada", "eve")]
    assert await told_apart(known, unknown, pairs=150 if mail else 500) == ""


async def test_a_failed_login_takes_as_long_for_nobody(app: Application) -> None:
    await app.register()
    known, unknown = asking(app, LOGIN, attempt("ada")), asking(app, LOGIN, attempt("eve"))
    assert await told_apart(known, unknown, pairs=500) == ""


async def test_being_limited_takes_as_long_for_nobody(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    for document, given in ((LOGIN, attempt), (REQUEST_RESET, address)):
        for name in ("ada", "eve"):
            await limited(app, document, given(name))
        known, unknown = [asking(app, document, given(name)) for name in ("ada", "eve")]
        assert await told_apart(known, unknown, pairs=150) == ""


async def test_a_forged_device_cookie_is_read_as_long_for_nobody(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(rate_limits=True)
    await app.register()
    app.client.cookies.set("__Host-authgql-device", SEPARATOR.join([FORGED] * MAX_ACCOUNTS))
    signatures: list[bytes] = []
    is_signed = Sealer.is_signed

    def counting(self: Sealer, message: bytes, signature: bytes, *, purpose: str) -> bool:
        signatures.append(message)
        return is_signed(self, message, signature, purpose=purpose)

    with monkeypatch.context() as counted:
        counted.setattr(Sealer, "is_signed", counting)
        for name in ("ada", "eve"):
            signatures.clear()
            await whole(app, LOGIN, attempt(name))
            assert len(signatures) == MAX_ACCOUNTS
    for name in ("ada", "eve"):
        await limited(app, LOGIN, attempt(name))
    known, unknown = asking(app, LOGIN, attempt("ada")), asking(app, LOGIN, attempt("eve"))
    assert await told_apart(known, unknown, pairs=250) == ""


async def test_the_measure_tells_a_fifth_of_a_millisecond() -> None:
    async def work(milliseconds: float) -> None:
        await asyncio.sleep(milliseconds / 1000)

    assert "medians" in await told_apart(lambda: work(1.5), lambda: work(1), pairs=100)
    assert await told_apart(lambda: work(1), lambda: work(1), pairs=100) == ""


def test_the_measure_is_the_known_one() -> None:
    ones, others = [1.1, 2.2, 3.3, 4.4, 5.5], [3.4, 4.5, 5.6, 6.7, 7.8]
    assert mann_whitney(ones, others) == pytest.approx(0.0472, abs=0.0001)
    assert mann_whitney(ones, ones) == pytest.approx(1, abs=0.4)


async def test_where_accounts_are_revealed_the_distinct_answers_return(make_app: MakeApp) -> None:
    app = await make_app(reveal_accounts=True)
    await app.register()
    kinds = [
        re.findall(r'"__typename":"(\w+)"', (await whole(app, document, variables))[0])[0]
        for document, variables in (
            (LOGIN, attempt("ada")),
            (LOGIN, attempt("eve")),
            (REQUEST_RESET, address("ada")),
            (REQUEST_RESET, address("eve")),
        )
    ]
    assert kinds == ["IncorrectPassword", "UserNotFound", "PasswordResetRequested", "EmailNotFound"]
