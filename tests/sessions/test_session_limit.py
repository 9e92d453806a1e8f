from conftest import MakeApp
from support.app import Application, SignedIn, together
from support.documents import ME

LIVING = "SELECT id FROM sessions WHERE logged_out_at IS NULL ORDER BY id"


async def is_signed_in(app: Application, one: SignedIn) -> bool:
    return (await app.gql(ME, token=one.access)).only is not None


async def test_a_login_beyond_the_limit_ends_the_oldest_session(make_app: MakeApp) -> None:
    app = await make_app(max_sessions=2)
    everyone = [await app.signed_up(), await app.login(), await app.login()]
    assert [await is_signed_in(app, one) for one in everyone] == [False, True, True]
    (oldest, *_) = await app.rows("SELECT end_reason FROM sessions ORDER BY id")
    assert oldest["end_reason"] == "SESSION_LIMIT"
    assert (await app.events()).count("session.ended") == 1


async def test_the_limit_counts_one_accounts_living_sessions_alone(make_app: MakeApp) -> None:
    app = await make_app(max_sessions=2, session_idle_timeout=60)
    await app.signed_up()
    app.clock.advance(60)
    everyone = [await app.login(), await app.login(), await app.signed_up("eve")]
    assert [await is_signed_in(app, one) for one in everyone] == [True, True, True]


async def test_twenty_logins_at_once_leave_as_many_sessions_as_allowed(make_app: MakeApp) -> None:
    app = await make_app(max_sessions=3)
    await app.register()
    everyone = await together(*(app.login() for _ in range(20)))
    living = [str(row["id"]) for row in await app.rows(LIVING)]
    assert len(living) == 3
    signed_in = [one.session_id for one in everyone if await is_signed_in(app, one)]
    assert sorted(signed_in) == living
    assert (await app.events()).count("session.ended") == 17


async def test_without_a_limit_every_session_stays(app: Application) -> None:
    await app.register()
    await together(*(app.login() for _ in range(20)))
    assert len(await app.rows(LIVING)) == 20
