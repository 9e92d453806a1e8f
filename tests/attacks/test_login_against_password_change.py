"""A login with the old password that races the change of the password leaves no session behind."""

from support.app import PASSWORD, Application, together
from support.documents import LOGIN

CHANGE = """
mutation ($old: String!, $new: String!) {
  changePassword(input: {currentPassword: $old, newPassword: $new}) { __typename }
}
"""
LIVING = "SELECT id FROM sessions WHERE logged_out_at IS NULL"
ROUNDS = 25
RACERS = 4


async def test_after_the_change_no_session_of_the_old_password_lives(app: Application) -> None:
    ada = await app.signed_up()
    old = PASSWORD
    refused = succeeded = 0
    for number in range(ROUNDS):
        new = f"amber-lantern-crosswind-{number}"
        logins = [app.gql(LOGIN, {"input": {"username": "ada", "password": old}}) for _ in range(RACERS)]
        change = app.gql(CHANGE, {"old": old, "new": new}, token=ada.access)
        *answers, changed = await together(*logins, change)
        assert changed.only == {"__typename": "PasswordChanged"}
        kinds = [answer.only["__typename"] for answer in answers]
        assert set(kinds) <= {"LoginSuccess", "InvalidCredentials"}
        succeeded += kinds.count("LoginSuccess")
        refused += kinds.count("InvalidCredentials")
        assert [str(row["id"]) for row in await app.rows(LIVING)] == [ada.session_id]
        old = new
    assert succeeded + refused == ROUNDS * RACERS
    assert (await app.events()).count("session.started") == 1 + succeeded
