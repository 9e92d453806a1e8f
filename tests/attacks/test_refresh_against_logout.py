"""A refresh that races the logout of its session never brings it back to life."""

from support.app import Application, together
from support.documents import LOGOUT, ME

ROUNDS = 100
LIVING = "SELECT count(*) AS n FROM sessions WHERE logged_out_at IS NULL"


async def test_whoever_wins_the_session_is_dead_afterwards(app: Application) -> None:
    await app.register()
    renewed = 0
    for number in range(ROUNDS):
        ada = await app.login()
        calls = [app.refresh(ada.refresh), app.gql(LOGOUT, token=ada.access)]
        results = await together(*(reversed(calls) if number % 2 else calls))
        refreshed, logged_out = reversed(results) if number % 2 else results
        assert logged_out.only["__typename"] == "LogoutSuccess"
        tokens = [ada.refresh]
        if refreshed["__typename"] == "RefreshSuccess":
            renewed += 1
            tokens.append(refreshed["tokens"]["refreshToken"])
            assert (await app.gql(ME, token=refreshed["tokens"]["accessToken"])).only is None
        for token in tokens:
            assert (await app.refresh(token))["__typename"] == "InvalidToken"
    assert renewed > 0
    assert [row["n"] for row in await app.rows(LIVING)] == [0]
    assert (await app.events()).count("session.ended") == ROUNDS
