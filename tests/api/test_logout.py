import pytest
from support.app import PASSWORD, Application, together
from support.documents import LOGOUT, ME, REFRESH

DELETE_AND_LOGOUT = """
mutation ($password: String!) {
  deleteAccount(input: {password: $password}) { __typename }
  logout { __typename }
}
"""
TWICE = "mutation { a: logout { ... on LogoutSuccess { session { endReason } } } b: logout { __typename } }"


async def test_logging_out_ends_the_session_with_every_token_of_it(app: Application) -> None:
    ada = await app.signed_up()
    renewed = (await app.refresh(ada.refresh))["tokens"]
    result = (await app.gql(LOGOUT, token=ada.access)).only
    assert result == {
        "__typename": "LogoutSuccess",
        "session": {
            "id": ada.session_id,
            "status": "ENDED",
            "endReason": "LOGGED_OUT",
            "loggedOutAt": app.clock.now().isoformat(),
        },
    }
    for token in (ada.access, renewed["accessToken"]):
        assert (await app.gql(ME, token=token)).only is None
    for token in (ada.refresh, renewed["refreshToken"]):
        assert (await app.refresh(token))["__typename"] == "InvalidToken"
    (row,) = await app.rows("SELECT end_reason FROM sessions")
    assert row["end_reason"] == "LOGGED_OUT"


async def test_logging_out_leaves_the_other_sessions_alone(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    await app.gql(LOGOUT, token=ada.access)
    assert (await app.gql(ME, token=other.access)).only["username"] == "ada"


async def test_logging_out_twice_is_unauthenticated_the_second_time(app: Application) -> None:
    ada = await app.signed_up()
    await app.gql(LOGOUT, token=ada.access)
    answer = await app.gql(LOGOUT, token=ada.access)
    assert (answer.status, answer.codes) == (200, ["UNAUTHENTICATED"])
    assert (await app.events()).count("session.ended") == 1


async def test_logging_out_twice_at_once_ends_the_session_once(app: Application) -> None:
    ada = await app.signed_up()
    answers = await together(*(app.gql(LOGOUT, token=ada.access) for _ in range(8)))
    assert all(answer.status == 200 for answer in answers)
    assert {code for answer in answers for code in answer.codes} <= {"UNAUTHENTICATED"}
    assert any(answer.codes == [] for answer in answers)
    assert (await app.events()).count("session.ended") == 1


async def test_logging_out_twice_in_one_document_keeps_the_first_end(app: Application) -> None:
    ada = await app.signed_up()
    answer = await app.gql(TWICE, token=ada.access)
    assert (answer.body["data"], answer.codes) == (None, ["UNAUTHENTICATED"])
    (row,) = await app.rows("SELECT end_reason FROM sessions")
    assert row["end_reason"] == "LOGGED_OUT"


async def test_logging_out_after_the_account_is_gone_is_unauthenticated(app: Application) -> None:
    ada = await app.signed_up()
    answer = await app.gql(DELETE_AND_LOGOUT, {"password": "violet-harbour-umbrella-27"}, token=ada.access)
    assert answer.codes == ["UNAUTHENTICATED"]
    assert await app.rows("SELECT id FROM accounts") == []


async def test_nobody_cannot_log_out(app: Application) -> None:
    assert (await app.gql(LOGOUT)).codes == ["UNAUTHENTICATED"]
    assert (await app.gql(REFRESH)).only["code"] == "INVALID_TOKEN"


@pytest.mark.parametrize(
    "first",
    [
        "logout { __typename }",
        "terminateAllSessions { __typename }",
        f'deleteAccount(input: {{password: "{PASSWORD}"}}) {{ __typename }}',
    ],
)
async def test_what_follows_the_end_in_one_request_is_nobodys(app: Application, first: str) -> None:
    ada = await app.signed_up()
    document = f'mutation {{ {first} next: updateProfile(input: {{firstName: "Eve"}}) {{ __typename }} }}'
    answer = await app.gql(document, token=ada.access)
    assert answer.codes == ["UNAUTHENTICATED"]
    assert (await app.events()).count("account.updated") == 0


async def test_the_session_that_a_login_opened_is_the_current_one_of_its_answer(app: Application) -> None:
    await app.register()
    document = """
    mutation($input: LoginInput!) { login(input: $input) { ... on LoginSuccess {
      session { id current } user { sessions { nodes { id current } } } } } }
    """
    opened = (await app.gql(document, {"input": {"username": "ada", "password": PASSWORD}})).only
    assert opened["user"]["sessions"]["nodes"] == [opened["session"]]
