"""A spent refresh token leads to the newest one for a short while, later to the end of its session."""

from typing import Any

import pytest
from conftest import MakeApp
from support.app import Application, SignedIn, together
from support.documents import LOGOUT, ME
from support.mail import text_of

CHAIN = "SELECT generation, spent_at, sealed_successor FROM refresh_tokens ORDER BY generation"
ENDINGS = "SELECT end_reason FROM sessions ORDER BY id"


async def renewed(app: Application, token: str) -> str:
    result = await app.refresh(token)
    assert result["__typename"] == "RefreshSuccess", result
    successor: str = result["tokens"]["refreshToken"]
    return successor


async def assert_reused(app: Application, answer: Any, newest: SignedIn | None = None) -> None:
    """Assert that a reuse was answered, recorded, and told; and that it ended the session."""
    assert answer["__typename"] == "InvalidToken"
    assert [row["end_reason"] for row in await app.rows(ENDINGS)] == ["TOKEN_REUSED"]
    events = await app.events()
    assert events.count("token.reused") == 1
    assert events.count("session.ended") == 1
    if newest:
        assert (await app.gql(ME, token=newest.access)).only is None
    mail = await app.mail.wait_for("ada@example.com", 2)
    assert "Firefox on Linux" in text_of(mail)


async def test_within_the_grace_everybody_gets_the_very_same_successor(app: Application) -> None:
    ada = await app.signed_up()
    successor = await renewed(app, ada.refresh)
    for _ in range(3):
        app.clock.advance(3)
        assert await renewed(app, ada.refresh) == successor
    (row,) = await app.rows("SELECT refreshed_count FROM sessions")
    assert row["refreshed_count"] == 1
    assert [row["generation"] for row in await app.rows(CHAIN)] == [0, 1]


async def test_a_repeated_refresh_answers_the_sessions_newest_access_token(app: Application) -> None:
    ada = await app.signed_up()
    first, second = await app.refresh(ada.refresh), await app.refresh(ada.refresh)
    assert first["session"]["token"] == second["session"]["token"]
    assert (await app.gql(ME, token=second["tokens"]["accessToken"])).only is not None


async def test_within_the_grace_a_spent_token_leads_across_several_generations(app: Application) -> None:
    ada = await app.signed_up()
    chain = [ada.refresh]
    for _ in range(5):
        chain.append(await renewed(app, chain[-1]))
        app.clock.advance(1)
    for token in chain[:-1]:
        assert await renewed(app, token) == chain[-1]
    assert len(await app.rows(CHAIN)) == 6


async def test_after_the_grace_a_spent_token_ends_its_session(app: Application) -> None:
    ada = await app.signed_up()
    newest = await renewed(app, ada.refresh)
    app.clock.advance(10)
    await assert_reused(app, await app.refresh(ada.refresh), ada)
    assert (await app.refresh(newest))["__typename"] == "InvalidToken"
    assert (await app.events()).count("token.reused") == 1


async def test_any_older_generation_is_a_reuse_though_the_newest_token_is_fresh(app: Application) -> None:
    ada = await app.signed_up()
    token = ada.refresh
    for _ in range(4):
        app.clock.advance(20)
        token = await renewed(app, token)
    await assert_reused(app, await app.refresh(ada.refresh), ada)
    assert (await app.refresh(token))["__typename"] == "InvalidToken"


async def test_a_reuse_leaves_the_accounts_other_sessions_alone(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    await renewed(app, ada.refresh)
    app.clock.advance(10)
    await app.refresh(ada.refresh)
    assert [row["end_reason"] for row in await app.rows(ENDINGS)] == ["TOKEN_REUSED", None]
    assert (await app.gql(ME, token=other.access)).only is not None


async def test_a_second_reuse_neither_ends_nor_mails_anything_again(app: Application) -> None:
    ada = await app.signed_up()
    await renewed(app, ada.refresh)
    app.clock.advance(10)
    answers = await together(*(app.refresh(ada.refresh) for _ in range(8)))
    assert {answer["__typename"] for answer in answers} == {"InvalidToken"}
    assert (await app.events()).count("session.ended") == 1
    assert len(await app.rows("SELECT id FROM outbox_mails WHERE template='token_reused'")) == 1


async def test_without_grace_a_spent_token_is_a_reuse_at_once(make_app: MakeApp) -> None:
    app = await make_app(refresh_grace=0)
    ada = await app.signed_up()
    await renewed(app, ada.refresh)
    await assert_reused(app, await app.refresh(ada.refresh), ada)


async def test_what_a_spent_token_leads_to_is_wiped_when_its_grace_is_over(app: Application) -> None:
    ada = await app.signed_up()
    second = await renewed(app, ada.refresh)
    app.clock.advance(9)
    await renewed(app, second)
    app.clock.advance(1)
    await app.run_loop("refresh-grace")
    assert [row["sealed_successor"] is None for row in await app.rows(CHAIN)] == [True, False, True]
    app.clock.advance(10)
    await app.run_loop("refresh-grace")
    assert [row["sealed_successor"] for row in await app.rows(CHAIN)] == [None, None, None]


@pytest.mark.parametrize(
    "damage",
    [
        # As a node does whose clock is ahead.
        "UPDATE refresh_tokens SET sealed_successor=NULL WHERE generation=0",
        "DELETE FROM refresh_tokens WHERE generation=1",
    ],
)
async def test_where_the_successor_cannot_be_found_nobody_is_signed_out(
    app: Application, damage: str
) -> None:
    ada = await app.signed_up()
    await renewed(app, ada.refresh)
    await app.rows(damage)
    assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"
    assert [row["end_reason"] for row in await app.rows(ENDINGS)] == [None]
    assert (await app.events())[-1] == "refresh.refused"


async def test_a_spent_token_of_an_ended_session_is_merely_invalid(app: Application) -> None:
    ada = await app.signed_up()
    await renewed(app, ada.refresh)
    await app.gql(LOGOUT, token=ada.access)
    for wait in (0, 10):
        app.clock.advance(wait)
        assert (await app.refresh(ada.refresh))["__typename"] == "InvalidToken"
    assert "token.reused" not in await app.events()
    assert [row["end_reason"] for row in await app.rows(ENDINGS)] == ["LOGGED_OUT"]
