from datetime import datetime, timedelta

import pytest
from conftest import MakeApp
from support.app import Application
from support.documents import ME, REFRESH, SESSIONS

from authgql.limits.policy import POLICIES, Attempt, Policy, rates

REFRESH_TOKENS = "SELECT generation, token_hash, spent_at FROM refresh_tokens ORDER BY generation"


async def test_a_refresh_answers_a_new_pair_for_the_same_session(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(300)
    result = await app.refresh(ada.refresh)
    assert result["__typename"] == "RefreshSuccess"
    assert result["session"]["id"] == ada.session_id
    assert result["session"]["current"] is True
    assert result["session"]["token"]["refreshedCount"] == 1
    tokens = result["tokens"]
    assert tokens["tokenType"] == "Bearer"
    assert tokens["expiresIn"] == 600
    assert tokens["accessToken"] != ada.access
    assert tokens["refreshToken"].startswith("agr_")
    assert tokens["refreshToken"] != ada.refresh
    assert (await app.gql(ME, token=tokens["accessToken"])).only["username"] == "ada"
    assert (await app.events())[-1] == "session.refreshed"


async def test_older_access_tokens_of_a_living_session_stay_valid_until_they_expire(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(300)
    await app.refresh(ada.refresh)
    assert (await app.gql(ME, token=ada.access)).only["username"] == "ada"
    app.clock.advance(301)
    assert (await app.gql(ME, token=ada.access)).only is None


async def test_each_refresh_token_works_once_and_leaves_a_spent_row(app: Application) -> None:
    ada = await app.signed_up()
    token = ada.refresh
    for _ in range(3):
        app.clock.advance(60)
        token = (await app.refresh(token))["tokens"]["refreshToken"]
    rows = await app.rows(REFRESH_TOKENS)
    assert [row["generation"] for row in rows] == [0, 1, 2, 3]
    assert [row["spent_at"] is None for row in rows] == [False, False, False, True]


async def test_the_database_holds_no_token_and_what_it_holds_opens_nothing(app: Application) -> None:
    ada = await app.signed_up()
    newest = (await app.refresh(ada.refresh))["tokens"]["refreshToken"]
    rows = await app.rows("SELECT * FROM refresh_tokens ORDER BY generation")
    stored = [str(value) for row in rows for value in row.values()]
    for secret in (ada.refresh, newest):
        assert not any(secret in value or secret.removeprefix("agr_") in value for value in stored)
    for value in stored:
        for spelling in (value, f"agr_{value}", f"agr_{value[:43]}"):
            assert (await app.refresh(spelling))["__typename"] == "InvalidToken"


@pytest.mark.parametrize("given", [{}, {"input": None}])
async def test_without_a_token_nothing_is_refreshed(app: Application, given: dict[str, object]) -> None:
    assert (await app.gql(REFRESH, given)).only["code"] == "INVALID_TOKEN"


async def test_whatever_is_not_a_refresh_token_is_one_answer_and_one_event(app: Application) -> None:
    ada = await app.signed_up()
    worthless = [
        "",
        "x",
        ada.access,
        "agr_",
        "agr_" + "A" * 43,
        ada.refresh + "=",
        f" {ada.refresh}",
        "\0",
        "é" * 4_000,
    ]
    answers = [await app.refresh(token) for token in worthless]
    assert {tuple(answer.items()) for answer in answers} == {tuple(answers[0].items())}
    assert answers[0]["code"] == "INVALID_TOKEN"
    assert (await app.events()).count("refresh.refused") == len(worthless)
    assert (await app.refresh(ada.refresh))["__typename"] == "RefreshSuccess"


async def test_a_refresh_is_activity_and_extends_the_idle_timeout(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=1000)
    ada = await app.signed_up()
    app.clock.advance(900)
    result = await app.refresh(ada.refresh)
    (node,) = (await app.gql(SESSIONS, token=result["tokens"]["accessToken"])).only["nodes"]
    now = app.clock.now()
    assert node["lastSeenAt"] == now.isoformat()
    assert node["expiresAt"] == (now + timedelta(seconds=1000)).isoformat()
    assert result["tokens"]["refreshExpiresAt"] == node["expiresAt"]


async def test_no_token_outlives_the_sessions_longest_life(make_app: MakeApp) -> None:
    app = await make_app(session_max_age=1000, access_token_ttl=600)
    ada = await app.signed_up()
    ends_at = app.clock.now() + timedelta(seconds=1000)
    app.clock.advance(900)
    tokens = (await app.refresh(ada.refresh))["tokens"]
    assert tokens["expiresIn"] == 100
    assert datetime.fromisoformat(tokens["refreshExpiresAt"]) == ends_at
    app.clock.advance(100)
    assert (await app.gql(ME, token=tokens["accessToken"])).only is None
    assert (await app.refresh(tokens["refreshToken"]))["__typename"] == "InvalidToken"


async def test_somebody_elses_access_token_beside_it_changes_nothing(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    answer = await app.gql(REFRESH, {"input": {"refreshToken": ada.refresh}}, token=eve.access)
    assert answer.only["session"]["id"] == ada.session_id
    assert answer.only["session"]["current"] is True


async def test_a_locked_account_is_not_refreshed(app: Application) -> None:
    ada = await app.signed_up()
    await app.rows("UPDATE accounts SET locked_at=created_at WHERE id=$1", ada.user_id)
    assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"


async def test_refreshing_too_often_is_rate_limited(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(POLICIES, Attempt.REFRESH, Policy(network=rates("3/minute")))
    app = await make_app(rate_limits=True)
    answers = [await app.refresh("x") for _ in range(4)]
    assert [answer["code"] for answer in answers] == ["INVALID_TOKEN"] * 3 + ["RATE_LIMITED"]
    assert answers[-1]["retryAfter"] > 0
