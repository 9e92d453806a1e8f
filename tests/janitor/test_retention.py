"""What is over is kept for as long as the settings say, and then goes: on both databases, in batches."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from conftest import MakeApp
from support.accounts import delete_account, disavow, request_reset
from support.app import IPHONE, PASSWORD, Application, together
from support.dialects import on_postgres
from support.documents import LOGIN, LOGOUT, SESSIONS
from support.links import token_on

from authgql.audit.events import Event, Origin
from authgql.core import retention
from authgql.core.networks import neighbourhood

ADDRESSES = "SELECT ip_address FROM {} WHERE ip_address IS NOT NULL ORDER BY id"
OWN_LOG = "{ securityLog(first: 100) { nodes { kind ipAddress device { name } } } }"
PAGE = """
query ($first: Int, $after: String) {
  sessions(status: null, first: $first, after: $after) {
    totalCount nodes { id } pageInfo { hasNextPage endCursor }
  }
}
"""
NOTICES = "SELECT * FROM outbox_mails WHERE template='new_device'"


async def addresses(app: Application, table: str) -> list[str]:
    return [row["ip_address"] for row in await app.rows(ADDRESSES.format(table))]


async def count(app: Application, table: str) -> int:
    return len(await app.rows(f"SELECT 1 FROM {table}"))  # noqa: S608 -- our own words


async def ended(app: Application, times: int = 1) -> None:
    """Sign in and out again, so many times."""
    for _ in range(times):
        session = await app.login()
        await app.refresh(session.refresh)
        await app.gql(LOGOUT, token=session.access)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("0.0.0.0", "0.0.0.0/24"),  # noqa: S104 -- what stands for a peer without an address
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8::7", "2001:db8::/48"),
        ("::1", "::/48"),
        ("an import's mistake", "0.0.0.0/0"),
    ],
)
def test_what_remains_of_an_address_is_a_network_and_reads_as_one(address: str, kept: str) -> None:
    assert neighbourhood(address) == kept


async def test_old_addresses_become_networks_for_their_owner_too(app: Application) -> None:
    async with app.called_from("2001:db8:1:2::3") as v6, app.called_from("203.0.113.77") as v4:
        await app.register()
        await ended(v6)
        await ended(v4)
        app.clock.advance(days=89)
        await app.run_loop("janitor")
        assert set(await addresses(app, "sessions")) == {"2001:db8:1:2::3", "203.0.113.77"}
        app.clock.advance(days=1, seconds=1)
        await app.run_loop("janitor")
        assert await addresses(app, "sessions") == ["2001:db8:1::/48", "203.0.113.0/24"]
        networks = {"2001:db8:1::/48", "203.0.113.0/24"}
        assert set(await addresses(app, "security_events")) == {"127.0.0.0/24", *networks}
        ada = await v4.login()
    nodes = (await app.gql(SESSIONS, {"status": None}, token=ada.access)).only["nodes"]
    assert [node["ipAddress"] for node in nodes] == ["203.0.113.77", "203.0.113.0/24", "2001:db8:1::/48"]
    log = (await app.gql(OWN_LOG, token=ada.access)).only["nodes"]
    assert {node["ipAddress"] for node in log[1:]} == {None, "127.0.0.0/24", *networks}
    assert {node["device"]["name"] for node in log if node["ipAddress"]} == {"Firefox on Linux"}


async def test_a_session_that_goes_on_keeps_its_address_however_old_it_is(make_app: MakeApp) -> None:
    app = await make_app(session_idle_timeout=86_400 * 365, session_max_age=86_400 * 1_000)
    await app.signed_up()
    app.clock.advance(days=364)
    await app.run_loop("janitor")
    assert await addresses(app, "sessions") == ["127.0.0.1"]


async def test_batches_come_to_an_end_and_leave_nothing_out(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    await app.register()
    await ended(app, 4)
    app.clock.advance(days=91)
    await app.run_loop("janitor")
    assert set(await addresses(app, "sessions")) == {"127.0.0.0/24"}
    assert set(await addresses(app, "security_events")) == {"127.0.0.0/24"}
    app.clock.advance(days=300)
    await app.run_loop("janitor")
    assert (await count(app, "sessions"), await count(app, "refresh_tokens")) == (0, 0)


async def test_the_trail_is_gone_on_with_where_it_was_left(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = app.system.services.audit
    for number in range(6):
        await audit.record(
            Event.SESSION_STARTED, origin=Origin(ip_address=f"192.0.{number}.7", user_agent="")
        )
        await asyncio.sleep(0.002)  # in ids, and so in halving, a millisecond is the least
    app.clock.advance(days=91)
    with monkeypatch.context() as killed:
        killed.setattr(retention, "BATCH", 2)
        killed.setattr(retention, "neighbourhood", fail_at("192.0.2.7"))
        with pytest.raises(ConnectionResetError):
            await app.system.janitor.clean()
    assert (await addresses(app, "security_events"))[1:3] == ["192.0.1.0/24", "192.0.2.7"]
    seen: list[str] = []

    def noted(address: str) -> str:
        seen.append(address)
        return neighbourhood(address)

    monkeypatch.setattr(retention, "neighbourhood", noted)
    assert (await app.system.janitor.clean()).truncated == {"sessions": 0, "events": 4}
    assert seen == [f"192.0.{number}.7" for number in range(2, 6)]
    assert await addresses(app, "security_events") == [f"192.0.{number}.0/24" for number in range(6)]


def fail_at(address: str) -> Any:
    def made(given: str) -> str:
        if given == address:
            raise ConnectionResetError
        return neighbourhood(given)

    return made


async def test_what_was_erased_with_its_account_stays_erased(app: Application) -> None:
    ada = await app.signed_up()
    await delete_account(app, ada.access)
    app.clock.advance(days=91)
    await app.run_loop("janitor")
    assert await addresses(app, "security_events") == []


async def test_ended_sessions_go_with_their_tokens_and_lists_go_on(app: Application) -> None:
    await app.register()
    await ended(app, 2)
    app.clock.advance(days=200)
    await ended(app, 2)
    app.clock.advance(days=165, seconds=1)
    ada = await app.login()
    first = (await app.gql(PAGE, {"first": 4}, token=ada.access)).only
    await app.run_loop("janitor")
    assert (await count(app, "sessions"), await count(app, "refresh_tokens")) == (3, 5)
    assert first["totalCount"] == 5
    rest = (await app.gql(PAGE, {"after": first["pageInfo"]["endCursor"]}, token=ada.access)).only
    assert (rest["nodes"], rest["totalCount"], rest["pageInfo"]["hasNextPage"]) == ([], 3, False)


async def test_with_0_days_everything_is_kept(make_app: MakeApp) -> None:
    app = await make_app(ip_retention_days=0, session_retention_days=0)
    await app.register()
    await ended(app)
    app.clock.advance(days=3_000)
    await app.run_loop("janitor")
    assert await addresses(app, "sessions") == ["127.0.0.1"]
    assert set(await addresses(app, "security_events")) == {"127.0.0.1"}


async def test_an_owner_whose_sessions_are_gone_hears_of_a_new_device(app: Application) -> None:
    await app.register()
    await ended(app)
    app.clock.advance(days=366)
    await app.run_loop("janitor")
    assert await count(app, "sessions") == 0
    async with app.elsewhere() as stranger:
        await stranger.login(user_agent=IPHONE)
    assert len(await app.rows(NOTICES)) == 1


async def test_a_disowned_device_is_a_stranger_as_long_as_its_cookie_lives(app: Application) -> None:
    await app.signed_up()
    async with app.elsewhere() as stranger:
        await stranger.login(user_agent=IPHONE)
        await disavow(app, await token_on(app, "disavow", "ada@example.com"))
        app.clock.advance(days=31)
        await app.run_loop("timeouts")
        app.clock.advance(days=368)
        await app.run_loop("janitor")
        assert [row["end_reason"] for row in await app.rows("SELECT * FROM sessions")] == ["DISAVOWED"]
        await stranger.login(user_agent=IPHONE)
    assert len(await app.rows(NOTICES)) == 1  # the second; the first one was deleted in the meantime
    app.clock.advance(days=1)
    await app.run_loop("janitor")
    assert await app.rows("SELECT * FROM sessions WHERE end_reason='DISAVOWED'") == []


async def test_links_and_mails_that_are_over_go(app: Application) -> None:
    await app.register()
    await request_reset(app, "ada@example.com")
    for number in (1, 2):
        await app.mail.wait_for("ada@example.com", number)
    app.clock.advance(days=2, seconds=-1)
    await app.run_loop("janitor")
    assert (await count(app, "one_time_links"), await count(app, "outbox_mails")) == (1, 2)
    app.clock.advance(days=28, seconds=2)
    await app.run_loop("janitor")
    assert (await count(app, "one_time_links"), await count(app, "outbox_mails")) == (0, 0)


async def test_a_mail_that_still_waits_is_kept(make_app: MakeApp) -> None:
    app = await make_app(smtp_url="smtp://127.0.0.1:1")
    outbox = app.system.services.profile._outbox  # noqa: SLF001 -- a mail that no link's life ends
    await outbox.enqueue("account_deleted", to="ada@example.com", context={}, account_id=None)
    app.clock.advance(days=31)
    await app.system.janitor.clean()
    assert await count(app, "outbox_mails") == 1


async def test_several_janitors_at_once_do_it_once(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 4)
    await app.register()
    await ended(app, 5)
    app.clock.advance(days=366)
    cleaned = await together(*(app.system.janitor.clean() for _ in range(4)))
    sums = [
        sum(getattr(one, what)[name] for one in cleaned)
        for what, name in (("deleted", "sessions"), ("truncated", "events"))
    ]
    assert sums == [5, len(await addresses(app, "security_events"))]


@on_postgres
async def test_what_somebody_holds_is_left_for_the_next_time(app: Application) -> None:
    await app.register()
    await ended(app, 3)
    app.clock.advance(days=366)
    connection = await asyncpg.connect(app.system.settings.database_url)
    async with connection.transaction():
        await connection.execute("SELECT 1 FROM sessions ORDER BY id LIMIT 1 FOR UPDATE")
        assert (await app.system.janitor.clean()).deleted["sessions"] == 2
    await connection.close()
    assert (await app.system.janitor.clean()).deleted["sessions"] == 1


async def test_a_login_does_not_wait_for_a_janitor_with_much_to_do(app: Application) -> None:
    """Each batch is a transaction of its own: what comes meanwhile has its turn between two."""
    audit = app.system.services.audit
    origin = Origin(ip_address="192.0.2.7", user_agent="")
    nobody: list[UUID | None] = [None] * 500
    for _ in range(20):
        await audit.record_all(Event.SESSION_STARTED, session_ids=nobody, subject=None, origin=origin)
    await app.register()
    app.clock.advance(days=91)
    cleaning = asyncio.create_task(app.system.janitor.clean())
    given: Mapping[str, object] = {"input": {"username": "ada", "password": PASSWORD}}
    assert (await app.gql(LOGIN, given)).only["__typename"] == "LoginSuccess"
    assert not cleaning.done()
    assert (await cleaning).truncated["events"] >= 10_000
