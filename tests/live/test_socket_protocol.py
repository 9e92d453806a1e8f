"""A socket speaks `graphql-transport-ws`, and every departure from it has the protocol's code."""

import asyncio
from typing import Any

import pytest
from conftest import MakeApp
from support.app import Application
from support.dialects import no_database
from support.documents import LOGIN, LOGOUT, ME
from support.proofs import ProofKey, claims_at
from support.sockets import EVENTS, Closed, socket

from authgql.core.secrets import ascii_hash
from authgql.limits.service import RateLimited
from authgql.web import socket as one_socket

pytestmark = no_database

OWN = "https://id.example.com"
MALFORMED = (
    "",
    "{",
    "[]",
    "1",
    "null",
    '"connection_init"',
    "{}",
    '{"type": null}',
    '{"type": ["ping"]}',
    '{"type": "start", "id": "1"}',
    '{"type": "connection_init", "payload": "x"}',
    '{"type": "ping", "payload": []}',
    '{"type": "pong", "payload": 1}',
    '{"type": "subscribe"}',
    '{"type": "subscribe", "id": {}, "payload": {"query": "{ me { id } }"}}',
    '{"type": "subscribe", "id": "", "payload": {"query": "{ me { id } }"}}',
    '{"type": "subscribe", "id": "1"}',
    '{"type": "subscribe", "id": "1", "payload": {"query": 1}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ me { id } }", "variables": [1]}}',
    '{"type": "subscribe", "id": "1", "payload": {"query": "{ me { id } }", "operationName": 1}}',
    '{"type": "complete"}',
    '{"type": "complete", "id": 1}',
    "[" * 60_000,
)


async def _refused(app: Application, **options: Any) -> Closed:
    with pytest.raises(Closed) as refused:
        async with socket(app, **options):
            pass
    return refused.value


@pytest.mark.parametrize("text", MALFORMED)
async def test_a_malformed_message_closes_with_4400(app: Application, text: str) -> None:
    async with socket(app) as client:
        await client.frame(text=text)
        closed = await client.closed()
    assert closed.code == 4400
    assert closed.reason.startswith("Invalid message: ")


async def test_a_binary_message_closes_with_4400(app: Application) -> None:
    async with socket(app) as client:
        await client.frame(bytes=b'{"type": "connection_init"}')
        assert (await client.closed()).code == 4400


async def test_nobody_is_refused(app: Application) -> None:
    for payload in ({}, {"authorization": "Bearer x"}, {"authorization": 1}, {"Authorization": "Basic x"}):
        async with socket(app) as client:
            await client.say("connection_init", payload=payload)
            assert (await client.closed()).code == 4401


async def test_without_an_init_nothing_runs(app: Application) -> None:
    await app.signed_up()
    async with socket(app) as client:
        await client.say("subscribe", id="1", payload={"query": EVENTS})
        assert (await client.closed()).code == 4401


async def test_an_init_that_does_not_come_closes_with_4408(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_socket, "INIT_SECONDS", 0.05)
    async with socket(app) as client:
        assert (await client.closed()).code == 4408


async def test_the_inits_time_does_not_run_on_after_it(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_socket, "INIT_SECONDS", 0.3)
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        assert await client.is_silent(0.4)


async def test_a_second_init_closes_with_4429(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.say("connection_init")
        assert (await client.closed()).code == 4429


async def test_a_second_subscription_of_the_same_id_closes_with_4409(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe(operation="é" * 100)
        await client.subscribe(operation="é" * 100)
        closed = await client.closed()
    assert closed.code == 4409
    assert len(closed.reason) <= 123


async def test_a_completed_subscription_ends_and_leaves_its_id_free(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        await client.say("complete", id="1")
        await client.say("complete", id="unknown")
        await app.login()
        assert await client.is_silent(0.1)
        await client.subscribe()
        await app.login()
        assert (await client.next())["kind"] == "STARTED"


async def test_a_ping_is_answered_without_its_payload(app: Application) -> None:
    async with socket(app) as client:
        await client.say("ping")
        assert await client.hear() == {"type": "pong"}
        await client.say("ping", payload={"sent": 1})
        assert await client.hear() == {"type": "pong"}
        await client.frame(text=f'{{"type": "ping", "payload": {{"x": {"[" * 300}{"]" * 300}}}}}')
        assert await client.hear() == {"type": "pong"}
        await client.say("pong")
        assert await client.is_silent(0.05)


@pytest.mark.parametrize("protocols", [("graphql-ws",), (), ("soap", "graphql-ws")])
async def test_another_protocol_closes_with_4406(app: Application, protocols: tuple[str, ...]) -> None:
    async with socket(app, protocols=protocols) as client:
        assert (await client.closed()).code == 4406


@pytest.mark.parametrize(
    "query", [ME, "mutation { logout { __typename } }", "query A { me { id } } query B { me { id } }"]
)
async def test_queries_and_mutations_do_not_run_over_the_socket(app: Application, query: str) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe(query)
        message = await client.hear()
        assert (message["type"], message["id"]) == ("error", "1")
        assert [error["extensions"]["code"] for error in message["payload"]] == ["BAD_USER_INPUT"]
        assert await client.is_silent(0.05)
    assert (await app.gql(ME, token=here.access)).only is not None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { a: sessionEvents { id } b: sessionEvents { id } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription ($since: DateTime!) { sessionEvents(since: $since) { id } }", "BAD_USER_INPUT"),
    ],
)
async def test_what_cannot_run_is_an_error_with_its_code(app: Application, query: str, code: str) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe(query)
        message = await client.hear()
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == code


async def test_a_socket_carries_so_many_subscriptions_and_no_more(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        for number in range(one_socket.MAX_SUBSCRIPTIONS + 1):
            await client.say("subscribe", id=str(number), payload={"query": EVENTS})
        message = await client.hear()
    assert (message["type"], message["id"]) == ("error", str(one_socket.MAX_SUBSCRIPTIONS))
    assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"


async def test_an_account_holds_so_many_sockets_and_gets_their_places_back(make_app: MakeApp) -> None:
    app = await make_app(max_live_per_account=2)
    here, other = await app.signed_up(), await app.signed_up("eve")
    async with socket(app) as one, socket(app) as three, socket(app) as four:
        async with socket(app) as two:
            await one.begin(here.access)
            await two.begin(here.access)
            await three.say("connection_init", payload={"authorization": f"Bearer {here.access}"})
            assert (await three.closed()).code == 1013
            await four.begin(other.access)
        async with socket(app) as five:
            await five.begin(here.access)


async def test_a_network_holds_so_many_sockets(make_app: MakeApp) -> None:
    app = await make_app(max_live_per_client=1)
    async with socket(app, address="2001:db8::1"):
        async with socket(app, address="2001:db8::2") as second:
            assert (await second.closed()).code == 1013
        async with socket(app, address="2001:db8:0:1::1") as elsewhere:
            await elsewhere.say("ping")
            assert await elsewhere.hear() == {"type": "pong"}
    async with socket(app, address="2001:db8::3") as later:
        await later.say("ping")
        assert await later.hear() == {"type": "pong"}


async def test_who_does_not_read_is_dropped(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_socket, "SEND_SECONDS", 0.05)
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        client.may_write.clear()
        await app.login()
        await asyncio.sleep(0.2)
        client.may_write.set()
        assert (await client.closed()).code == 1013


async def test_who_does_not_read_a_refusal_is_dropped(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_socket, "SEND_SECONDS", 0.05)
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        client.may_write.clear()
        await client.say("subscribe", id="1", payload={"query": "subscription { nothing }"})
        await asyncio.sleep(0.2)
        client.may_write.set()
        assert (await client.closed()).code == 1013


async def test_a_foreign_pages_socket_is_not_opened_and_its_cookies_leave_evidence(app: Application) -> None:
    await _cookies(app)
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert (await _refused(app, headers={**headers, "cookie": "x=y"})).code == 4403
    assert "forgery.refused" not in await app.events()
    headers = {"origin": "https://evil.example", "cookie": await _cookies(app)}
    for _ in range(3):
        assert (await _refused(app, headers=headers)).code == 4403
    assert (await app.events()).count("forgery.refused") == 1  # a minute


async def _cookies(app: Application) -> str:
    if not app.client.cookies:
        await app.register()
        given = {"username": "ada", "password": "violet-harbour-umbrella-27", "delivery": "COOKIE"}
        await app.gql(LOGIN, {"input": given}, headers={"origin": OWN})
    return "; ".join(f"{name}={value}" for name, value in app.client.cookies.items())


async def test_the_cookie_speaks_for_our_own_pages_alone(app: Application) -> None:
    cookie = await _cookies(app)
    async with socket(app, headers={"cookie": cookie}) as unknown:
        await unknown.say("connection_init")
        assert (await unknown.closed()).code == 4401
    async with socket(app, headers={"origin": OWN, "cookie": cookie}) as own:
        await own.begin()
        await own.subscribe()
        await app.gql(LOGOUT, headers={"origin": OWN})
        assert (await own.next())["kind"] == "ENDED"
        assert (await own.closed()).code == 4401


async def test_who_shows_a_token_means_it_whatever_the_cookies(app: Application) -> None:
    cookie = await _cookies(app)
    async with socket(app, headers={"origin": OWN, "cookie": cookie}) as client:
        await client.say("connection_init", payload={"authorization": "Bearer x"})
        assert (await client.closed()).code == 4401


def _proof(app: Application, key: ProofKey, token: str, **changes: object) -> str:
    given = {"htu": f"{OWN}/graphql", "htm": "GET", "ath": ascii_hash(token), **changes}
    return key.proof(claims_at(int(app.clock.now().timestamp()), **given))


async def _bound(app: Application, key: ProofKey) -> str:
    await app.register()
    given = {"input": {"username": "ada", "password": "violet-harbour-umbrella-27"}}
    proof = key.proof(claims_at(int(app.clock.now().timestamp()), htu=f"{OWN}/graphql"))
    token: str = (await app.gql(LOGIN, given, headers={"dpop": proof})).only["tokens"]["accessToken"]
    return token


async def test_a_bound_token_opens_a_socket_with_its_keys_proof(app: Application) -> None:
    key = ProofKey()
    token = await _bound(app, key)
    async with socket(app) as client:
        await client.begin(authorization=f"DPoP {token}", dpop=_proof(app, key, token))
        await client.subscribe()
        await app.login()
        assert (await client.next())["kind"] == "STARTED"


async def test_a_bound_token_opens_no_socket_without_it(app: Application) -> None:
    key = ProofKey()
    token = await _bound(app, key)
    used = _proof(app, key, token)
    async with socket(app) as client:
        await client.begin(authorization=f"DPoP {token}", dpop=used)
    bad = (None, used, _proof(app, ProofKey(), token), _proof(app, key, token, htm="POST"), "x")
    for proof in bad:
        async with socket(app) as client:
            shown = {"authorization": f"DPoP {token}", **({"dpop": proof} if proof else {})}
            await client.say("connection_init", payload=shown)
            closed = await client.closed()
        assert closed.code == 4403
        assert closed.reason == "INVALID_DPOP_PROOF invalid_dpop_proof"
    assert (await app.events()).count("proof.refused") == 2


async def test_a_wanted_nonce_comes_with_the_close(make_app: MakeApp) -> None:
    app = await make_app(dpop_require_nonce=True)
    await app.register()
    key, token = ProofKey(), ""
    nonce: str | None = None
    given = {"input": {"username": "ada", "password": "violet-harbour-umbrella-27"}}
    while not token:
        proof = key.proof(claims_at(int(app.clock.now().timestamp()), htu=f"{OWN}/graphql", nonce=nonce))
        answer = await app.gql(LOGIN, given, headers={"dpop": proof})
        nonce = answer.headers.get("dpop-nonce")
        token = "" if nonce else answer.only["tokens"]["accessToken"]
    async with socket(app) as client:
        shown = {"authorization": f"DPoP {token}", "dpop": _proof(app, key, token)}
        await client.say("connection_init", payload=shown)
        closed = await client.closed()
    code, reason, nonce = closed.reason.split()
    assert (closed.code, code, reason) == (4403, "INVALID_DPOP_PROOF", "use_dpop_nonce")
    async with socket(app) as client:
        await client.begin(authorization=f"DPoP {token}", dpop=_proof(app, key, token, nonce=nonce))


async def test_a_mistake_of_ours_closes_with_1011_and_says_nothing_of_itself(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    here = await app.signed_up()
    monkeypatch.setattr(app.system.services.live, "watch", fail)
    async with socket(app) as client:
        await client.say("connection_init", payload={"authorization": f"Bearer {here.access}"})
        closed = await client.closed()
    assert closed.code == 1011
    assert "Zero" not in closed.reason


async def test_whoever_proves_too_often_is_told_to_come_again(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise RateLimited(retry_after=7)

    monkeypatch.setattr("authgql.gate.caller.Callers.prove", refuse)
    async with socket(app) as client:
        await client.say("connection_init")
        closed = await client.closed()
    assert closed.code == 1013
    assert "7 s" in closed.reason


async def test_of_several_reasons_to_close_the_first_counts(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await app.rows("UPDATE sessions SET logged_out_at = logged_in_at, end_reason = 'LOGGED_OUT'")
        for number in range(3):
            await client.say("subscribe", id=str(number), payload={"query": EVENTS})
        assert (await client.closed()).code == 4401


async def test_a_mistake_in_an_operation_closes_with_1011(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await app.signed_up()
    monkeypatch.setattr("authgql.web.subscriptions.Subscriptions.begin", None)
    async with socket(app) as client:
        await client.begin(here.access)
        await client.say("subscribe", id="1", payload={"query": EVENTS})
        assert (await client.closed()).code == 1011


async def test_a_client_that_is_gone_when_an_event_comes_is_no_mistake(app: Application) -> None:
    here = await app.signed_up()
    async with socket(app) as client:
        await client.begin(here.access)
        await client.subscribe()
        client.is_gone = True
        await app.login()
        await asyncio.sleep(0.1)
