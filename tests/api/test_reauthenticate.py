from typing import Any

from conftest import MakeApp
from support.app import PASSWORD, Application
from support.documents import ME
from support.tokens import claims_of

REAUTHENTICATE = """
mutation ($password: String!) {
  reauthenticate(input: {password: $password}) {
    __typename
    ... on ReauthenticateSuccess {
      session { id current token { id refreshedCount } }
      tokens { accessToken tokenType expiresIn refreshToken refreshExpiresAt }
    }
    ... on Refusal { code }
    ... on RateLimited { retryAfter }
  }
}
"""
LOGOUT_FIRST = """
mutation ($password: String!) {
  logout { __typename }
  reauthenticate(input: {password: $password}) { __typename }
}
"""


async def reauthenticated(app: Application, token: str, password: str = PASSWORD) -> Any:
    return (await app.gql(REAUTHENTICATE, {"password": password}, token=token)).only


async def test_the_password_given_again_makes_the_login_recent(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(300)
    result = await reauthenticated(app, ada.access)
    assert result["session"] == {
        "id": ada.session_id,
        "current": True,
        "token": {"id": claims_of(result["tokens"]["accessToken"])["jti"], "refreshedCount": 0},
    }
    claims = claims_of(result["tokens"]["accessToken"])
    assert claims["auth_time"] == int(app.clock.now().timestamp())
    assert claims["auth_time"] - claims_of(ada.access)["auth_time"] in {300, 301}
    assert (await app.gql(ME, token=result["tokens"]["accessToken"])).only["username"] == "ada"
    assert (await app.events())[-1] == "session.reauthenticated"


async def test_the_refresh_token_stays_as_it_is(app: Application) -> None:
    ada = await app.signed_up()
    assert (await reauthenticated(app, ada.access))["tokens"]["refreshToken"] is None
    assert (await app.refresh(ada.refresh))["__typename"] == "RefreshSuccess"


async def test_a_refresh_keeps_the_time_of_the_last_password(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(300)
    refreshed = (await app.refresh(ada.refresh))["tokens"]["accessToken"]
    assert claims_of(refreshed)["auth_time"] == claims_of(ada.access)["auth_time"]


async def test_a_wrong_password_is_refused_and_recorded_and_changes_nothing(app: Application) -> None:
    ada = await app.signed_up()
    app.clock.advance(300)
    assert await reauthenticated(app, ada.access, "wrong") == {
        "__typename": "IncorrectPassword",
        "code": "INCORRECT_PASSWORD",
    }
    (row,) = await app.rows("SELECT logged_in_at, authenticated_at FROM sessions")
    assert row["authenticated_at"] == row["logged_in_at"]
    assert (await app.events())[-1] == "password.refused"


async def test_a_session_that_ended_meanwhile_is_unauthenticated(app: Application) -> None:
    ada = await app.signed_up()
    answer = await app.gql(LOGOUT_FIRST, {"password": PASSWORD}, token=ada.access)
    assert answer.codes == ["UNAUTHENTICATED"]
    assert "session.reauthenticated" not in await app.events()


async def test_nobody_is_unauthenticated(app: Application) -> None:
    assert (await app.gql(REAUTHENTICATE, {"password": PASSWORD})).codes == ["UNAUTHENTICATED"]


async def test_guessing_is_rate_limited(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    ada = await app.signed_up()
    answers = [await reauthenticated(app, ada.access, "wrong") for _ in range(11)]
    assert {answer["__typename"] for answer in answers[:10]} == {"IncorrectPassword"}
    assert answers[10]["code"] == "RATE_LIMITED"
    assert (await reauthenticated(app, ada.access))["code"] == "RATE_LIMITED"
