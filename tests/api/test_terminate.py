from uuid import uuid4

from support.app import Application, SignedIn, together
from support.documents import ME, SESSIONS, TERMINATE, TERMINATE_ALL, TERMINATE_OTHERS

ENDINGS = "SELECT id, end_reason, logged_out_at FROM sessions ORDER BY id"


async def is_signed_in(app: Application, one: SignedIn) -> bool:
    return (await app.gql(ME, token=one.access)).only is not None


async def reasons(app: Application) -> list[str | None]:
    """Return every session's end reason, oldest session first."""
    return [row["end_reason"] for row in await app.rows(ENDINGS)]


async def test_an_ended_session_is_refused_from_the_next_request_on(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    result = (await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)).only
    assert result == {
        "__typename": "SessionTerminated",
        "session": {
            "id": other.session_id,
            "status": "ENDED",
            "endReason": "TERMINATED",
            "loggedOutAt": app.clock.now().isoformat(),
        },
    }
    assert not await is_signed_in(app, other)
    assert (await app.refresh(other.refresh))["__typename"] == "InvalidToken"
    assert await is_signed_in(app, ada)
    assert await reasons(app) == [None, "TERMINATED"]
    assert (await app.events()).count("session.ended") == 1


async def test_ending_an_ended_session_keeps_its_first_reason_and_time(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    first = (await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)).only
    app.clock.advance(60)
    assert (await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)).only == first
    assert (await app.events()).count("session.ended") == 1


async def test_a_session_can_end_itself_by_its_id(app: Application) -> None:
    ada = await app.signed_up()
    result = (await app.gql(TERMINATE, {"id": ada.session_id}, token=ada.access)).only
    assert result["session"]["endReason"] == "TERMINATED"
    assert not await is_signed_in(app, ada)


async def test_another_accounts_session_and_no_session_are_answered_alike(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    given = [
        ada.session_id,
        str(uuid4()),
        "",
        "x",
        "\0",
        ada.session_id.upper(),
        f"{{{ada.session_id}}}",
        "9" * 999,
    ]
    answers = [(await app.gql(TERMINATE, {"id": one}, token=eve.access)).only for one in given]
    assert answers[0]["__typename"] == "SessionNotFound"
    assert all(answer == answers[0] for answer in answers)
    assert await reasons(app) == [None, None]
    assert (await app.events()).count("session.termination_refused") == 1  # a minute


async def test_all_others_end_and_the_current_one_goes_on(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    second, third = await app.login(), await app.login()
    result = (await app.gql(TERMINATE_OTHERS, token=second.access)).only
    assert result == {
        "__typename": "SessionsTerminated",
        "count": 2,
        "sessions": [
            {"id": one.session_id, "status": "ENDED", "endReason": "TERMINATED"} for one in (third, ada)
        ],
    }
    assert [await is_signed_in(app, one) for one in (ada, second, third, eve)] == [False, True, False, True]
    assert (await app.gql(TERMINATE_OTHERS, token=second.access)).only["count"] == 0


async def test_all_sessions_end_the_current_one_too(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    second = await app.login()
    assert (await app.gql(TERMINATE_ALL, token=second.access)).only["count"] == 2
    assert [await is_signed_in(app, one) for one in (ada, second, eve)] == [False, False, True]
    assert (await app.gql(SESSIONS, token=second.access)).codes == ["UNAUTHENTICATED"]
    assert (await app.events()).count("session.ended") == 2


async def test_ending_many_sessions_at_once_from_several_sides_ends_each_once(app: Application) -> None:
    ada = await app.signed_up()
    everyone = [ada, *[await app.login() for _ in range(9)]]
    calls = [app.gql(TERMINATE_ALL, token=one.access) for one in everyone[:5]]
    calls += [app.gql(TERMINATE, {"id": one.session_id}, token=ada.access) for one in everyone[5:]]
    answers = await together(*calls)
    assert all(answer.status == 200 for answer in answers)
    assert {code for answer in answers for code in answer.codes} <= {"UNAUTHENTICATED"}
    assert await reasons(app) == ["TERMINATED"] * 10
    assert (await app.events()).count("session.ended") == 10
