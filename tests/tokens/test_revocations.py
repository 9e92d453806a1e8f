"""Whoever verifies tokens offline can know of every ended session, from one signed list that misses none."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import jwt
import pytest
from conftest import MakeApp
from support.app import PASSWORD, Application, together
from support.dialects import no_database, on_postgres
from support.documents import LOGIN, LOGOUT, TERMINATE, TERMINATE_ALL
from support.tokens import claims_of, header_of

from authgql.sessions import revocations
from authgql.tokens import revocations as tokens_revocations

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
DELETE = "mutation ($password: String!) { deleteAccount(input: {password: $password}) { __typename } }"
LOGIN_INPUT = {"input": {"username": "ada", "password": PASSWORD}}


async def read(app: Application, since: str | None = None) -> dict[str, Any]:
    """Fetch a page and verify it as another service does."""
    answer = await app.client.get("/revocations", params={"since": since} if since else {})
    assert answer.status_code == 200, answer.text
    header = header_of(answer.text)
    keys = {key["kid"]: key for key in (await app.client.get("/.well-known/jwks.json")).json()["keys"]}
    assert header["typ"] == "revocations+jwt"
    key = jwt.PyJWK(keys[header["kid"]])
    claims: dict[str, Any] = jwt.decode(
        answer.text, key, algorithms=["ES256"], issuer="https://id.example.com", options={"verify_iat": False}
    )
    return claims


async def sids(app: Application, since: str | None = None) -> set[str]:
    return {one["sid"] for one in (await read(app, since))["revoked"]}


async def test_an_ended_session_is_told_until_its_last_token_has_expired(app: Application) -> None:
    ada = await app.signed_up()
    assert (await read(app))["revoked"] == []
    await app.gql(LOGOUT, token=ada.access)
    token = claims_of(ada.access)
    (told,) = (await read(app))["revoked"]
    assert (told["sid"], told["jti"]) == (ada.session_id, token["jti"])
    assert token["exp"] <= told["exp"] <= token["exp"] + 1
    app.clock.advance(599)
    assert await sids(app) == {ada.session_id}
    app.clock.advance(2)
    assert await sids(app) == set()


async def test_what_expired_by_itself_is_never_told(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(601)
    newer = await app.login()
    await app.gql(TERMINATE, {"id": ada.session_id}, token=newer.access)
    assert await sids(app) == set()


async def test_every_way_that_a_session_ends_is_told(make_app: MakeApp) -> None:
    app = await make_app(max_sessions=2, session_max_age=500)
    first = await app.signed_up()
    second, third = await app.login(), await app.login()  # the limit ends the first
    assert await sids(app) == {first.session_id}
    await app.gql(TERMINATE, {"id": second.session_id}, token=third.access)
    spent = third.refresh
    await app.refresh(spent)
    app.clock.advance(11)
    await app.refresh(spent)  # reused
    fourth = await app.login()
    account = await app.system.services.accounts.by_username("ada")
    assert account is not None
    await app.system.services.registration.lock(account)
    ended = {one.session_id for one in (first, second, third, fourth)}
    assert await sids(app) == ended
    kinds = await app.rows("SELECT DISTINCT end_reason FROM sessions")
    assert {row["end_reason"] for row in kinds} == {
        "SESSION_LIMIT",
        "TERMINATED",
        "TOKEN_REUSED",
        "ACCOUNT_LOCKED",
    }


async def test_a_deleted_account_leaves_its_revocations_and_nothing_that_names_it(app: Application) -> None:
    ada, other = await app.signed_up(), await app.login()
    await app.gql(DELETE, {"password": PASSWORD}, token=ada.access)
    assert await app.rows("SELECT id FROM sessions") == []
    assert await sids(app) == {ada.session_id, other.session_id}
    text = str(await app.rows("SELECT * FROM revocations"))
    assert ada.user_id not in text
    assert ada.user_id not in str(await read(app))


async def test_a_timeout_is_told_at_once_and_also_when_it_is_recorded(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=60)
    ada = await app.signed_up()
    start = (await read(app))["next"]
    app.clock.advance(61)
    assert await sids(app, start) == {ada.session_id}
    await app.run_loop("timeouts")
    assert await sids(app, start) == {ada.session_id}


async def test_a_reader_gets_each_piece_of_news_after_its_cursor(app: Application) -> None:
    ada, other = await app.signed_up(), await app.login()
    start = await read(app)
    assert start["more"] is False
    assert await sids(app, start["next"]) == set()
    await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)
    news = await read(app, start["next"])
    assert [one["sid"] for one in news["revoked"]] == [other.session_id]
    await app.gql(LOGOUT, token=ada.access)
    assert await sids(app, news["next"]) == {ada.session_id}
    assert await sids(app) == {ada.session_id, other.session_id}


async def test_many_are_told_in_pages_that_lose_none(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocations, "PAGE", 3)
    ada = await app.signed_up()
    ids = {ada.session_id, *[(await app.login()).session_id for _ in range(6)]}
    await app.gql(TERMINATE_ALL, token=ada.access)
    page = await read(app)
    pages = [page]
    while page["more"]:
        page = await read(app, page["next"])
        pages.append(page)
    told = [one["sid"] for page in pages for one in page["revoked"]]
    assert [len(page["revoked"]) for page in pages] == [3, 3, 1]
    assert (len(told), set(told)) == (7, ids)
    assert await sids(app, page["next"]) == set()


@on_postgres
async def test_what_commits_after_a_reader_has_passed_is_told_to_it_all_the_same(app: Application) -> None:
    """A slow transaction ends a session, a quick one ends another: the reader's cursor waits for the slow."""
    ada, quick = await app.signed_up(), await app.login()
    slow = await app.login()
    async with _connected(app) as holder, _connected(app) as writer:
        await holder.execute("BEGIN; LOCK TABLE security_events IN SHARE ROW EXCLUSIVE MODE")
        # It has its position, and waits for the trail.
        ending = asyncio.create_task(app.gql(TERMINATE, {"id": slow.session_id}, token=ada.access))
        await _until_somebody_waits(writer)
        await writer.execute(
            "INSERT INTO revocations VALUES (gen_random_uuid(), pg_current_xact_id()::text::bigint, $1, "
            "gen_random_uuid(), now() + interval '1 hour')",
            quick.session_id,
        )
        news = await read(app)
        assert {one["sid"] for one in news["revoked"]} == {quick.session_id}
        await holder.execute("COMMIT")
        await ending
        assert slow.session_id in await sids(app, news["next"])


@asynccontextmanager
async def _connected(app: Application) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(app.system.settings.database_url)
    try:
        yield connection
    finally:
        await connection.close()


async def _until_somebody_waits(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while not await connection.fetchval(WAITING):  # noqa: ASYNC110 -- the database tells nobody
            await asyncio.sleep(0.01)


async def test_what_is_over_is_dropped_and_cursors_go_on_counting(app: Application) -> None:
    ada, other = await app.signed_up(), await app.login()
    await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)
    await app.gql(LOGOUT, token=ada.access)
    cursor = (await read(app))["next"]
    app.clock.advance(601)
    for _ in range(3):
        await app.run_loop("revocations")
    assert len(await app.rows("SELECT id FROM revocations")) <= 1
    late = await app.login()
    await app.gql(LOGOUT, token=late.access)
    assert await sids(app, cursor) == {late.session_id}


async def test_a_cursor_of_a_database_that_was_replaced_begins_anew(app: Application) -> None:
    ada = await app.signed_up()
    await app.gql(LOGOUT, token=ada.access)
    assert await sids(app, "999999999999999999") == {ada.session_id}


async def test_caches_can_keep_an_answer_for_a_second_and_ask_whether_it_still_holds(
    app: Application,
) -> None:
    ada = await app.signed_up()
    since = (await read(app))["next"]

    async def ask(**headers: str) -> tuple[int, Mapping[str, str], str]:
        answer = await app.client.get(f"/revocations?since={since}", headers=headers)
        return answer.status_code, answer.headers, answer.text

    status, headers, text = await ask()
    assert (status, headers["cache-control"]) == (200, "public, max-age=1")
    assert headers["content-type"] == "application/jwt"
    again = {"if-none-match": headers["etag"]}
    status, unchanged, empty = await ask(**again)
    assert (status, empty, unchanged["etag"]) == (304, "", headers["etag"])
    await app.gql(LOGOUT, token=ada.access)
    status, changed, news = await ask(**again)
    assert status == 200
    assert changed["etag"] != headers["etag"]
    assert news != text


async def test_who_asks_for_the_same_at_once_shares_one_page_signed_once(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = counted_signatures(monkeypatch)
    with app.counting() as alone:
        await app.client.get("/revocations")
    app.clock.advance(0.5)
    with app.counting() as crowded:
        answers = await together(*(app.client.get("/revocations") for _ in range(20)))
    assert len(crowded) == len(alone)
    assert len({answer.text for answer in answers}) == 1
    assert len(signed) == 2
    await app.client.get("/revocations", headers={"if-none-match": answers[0].headers["etag"]})
    app.clock.advance(0.5)
    again = await app.client.get("/revocations", headers={"if-none-match": answers[0].headers["etag"]})
    assert (again.status_code, len(signed)) == (304, 2)


def counted_signatures(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    signed: list[object] = []
    encode = jwt.encode

    def counting(claims: dict[str, Any], *args: Any, **kwargs: Any) -> str:
        signed.append(claims)
        return encode(claims, *args, **kwargs)

    monkeypatch.setattr(jwt, "encode", counting)
    return signed


async def test_what_another_node_ended_is_told_half_a_second_later(app: Application) -> None:
    ada = await app.signed_up()
    app.system.services.sessions._revocations.on_news = lambda: None  # noqa: SLF001 -- as if elsewhere
    assert await sids(app) == set()
    await app.gql(LOGOUT, token=ada.access)
    app.clock.advance(0.5)
    assert await sids(app) == {ada.session_id}


async def test_few_pages_are_kept_and_none_that_failed(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = app.system.revocations._kept  # noqa: SLF001 -- what fills memory is seen nowhere else
    for number in range(tokens_revocations.MOST + 5):
        await app.client.get(f"/revocations?since={number}")
    assert len(kept) == tokens_revocations.MOST
    assert (await app.client.get("/revocations?since=x")).status_code == 400
    assert "x" not in kept

    async def fail(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as away:
        away.setattr(revocations.Revocations, "page", fail)
        assert (await app.client.get("/revocations")).status_code == 503
    assert (await app.client.get("/revocations")).status_code == 200


@no_database
@pytest.mark.parametrize(
    "query",
    [
        "since=",
        "since=x",
        "since=-1",
        "since=1&since=2",
        "since=1.2",
        "since=1.2.3",
        "since=9999999999999999999",
        "since=%00",
        "since=%EF%BC%91",  # a full-width digit one
        "since=1.2.zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
        f"since={'1' * 5000}",
    ],
)
async def test_a_cursor_that_was_never_given_is_refused(app: Application, query: str) -> None:
    answer = await app.client.get(f"/revocations?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@no_database
async def test_the_list_is_no_access_token_and_an_access_token_is_no_list(app: Application) -> None:
    await app.register()
    answer = await app.client.get("/revocations")
    me = await app.gql("{ me { id } }", token=answer.text)
    assert me.data == {"me": None}
    token = (await app.gql(LOGIN, LOGIN_INPUT)).only["tokens"]["accessToken"]
    assert header_of(token)["typ"] != header_of(answer.text)["typ"]
    assert "aud" not in claims_of(answer.text)


@no_database
async def test_an_old_copy_says_itself_that_it_is_old(app: Application) -> None:
    claims = await read(app)
    assert claims["exp"] - claims["iat"] == 60


@no_database
async def test_a_mistake_of_ours_is_no_outage(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revocations, "SETTLED", {})
    assert (await app.client.get("/revocations")).status_code == 500
