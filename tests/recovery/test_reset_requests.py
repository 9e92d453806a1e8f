"""What was asked for is done, though not while the asker waits."""

import signal
import sqlite3
from pathlib import Path

import httpx2
import pytest
from conftest import StartServer
from support.accounts import REQUEST_RESET, account, lock, request_reset
from support.app import IPHONE, SECRET, Application, together
from support.contents import everything_in
from support.documents import REGISTER
from support.mail import MailServer
from support.process import LiveServer

from authgql.accounts.models import Account
from authgql.audit.events import Origin
from authgql.core.sealing import Sealer
from authgql.recovery.requests import ResetRequests

ADA = "ada@example.com"
REQUESTED = "SELECT * FROM security_events WHERE kind='password_reset.requested' ORDER BY id"


@pytest.fixture
async def app(app: Application) -> Application:
    """The application with nobody at work in the background: what is asked for waits."""
    await app.system.loops.stop()
    return app


async def ask(app: Application, email: str, *, user_agent: str = IPHONE) -> None:
    answer = await app.gql(REQUEST_RESET, {"email": email}, user_agent=user_agent)
    assert answer.only["__typename"] == "PasswordResetRequested"


async def test_a_request_waits_sealed_and_leaves_with_its_evidence(app: Application) -> None:
    await app.register()
    await ask(app, ADA)
    (waiting,) = await app.rows("SELECT * FROM reset_requests")
    assert ADA not in str(waiting)
    assert "127.0.0.1" not in str(waiting)
    assert await app.rows(REQUESTED) == []
    await app.run_loop("reset-requests")
    assert await app.rows("SELECT * FROM reset_requests") == []
    (event,) = await app.rows(REQUESTED)
    assert event["subject"] == (await account(app))["pseudonym"]
    assert (event["ip_address"], event["user_agent"]) == ("127.0.0.1", IPHONE)


async def test_nobody_s_request_leaves_evidence_of_nobody(app: Application) -> None:
    await ask(app, "nobody@example.com")
    await app.run_loop("reset-requests")
    (event,) = await app.rows(REQUESTED)
    assert (event["subject"], event["ip_address"]) == (None, "127.0.0.1")
    assert "nobody@" not in str(await everything_in(app))


async def test_of_several_requests_for_an_address_the_newest_gets_the_mail(app: Application) -> None:
    await app.register()
    await app.rows("DELETE FROM outbox_mails")
    for _ in range(3):
        await ask(app, ADA)
    await ask(app, "bea@example.com")
    await together(*(app.run_loop("reset-requests") for _ in range(4)))
    assert len(await app.rows(REQUESTED)) == 4
    assert [mail["template"] for mail in await app.rows("SELECT * FROM outbox_mails")] == ["reset_password"]
    assert len(await app.rows("SELECT * FROM one_time_links WHERE purpose='reset_password'")) == 1


async def test_a_locked_owner_s_log_has_the_request_and_no_mail_goes_out(app: Application) -> None:
    await app.register()
    await lock(app)
    await app.rows("DELETE FROM outbox_mails")
    await request_reset(app, ADA)
    assert await app.rows("SELECT * FROM outbox_mails") == []
    (event,) = await app.rows(REQUESTED)
    assert event["subject"] == (await account(app))["pseudonym"]


async def test_a_request_sealed_under_a_lost_key_is_evidence_still_and_holds_nobody_up(
    app: Application,
) -> None:
    await app.register()
    await app.rows("DELETE FROM outbox_mails")
    await ask(app, "eve@example.com")
    lost = Sealer(["another-secret-that-nobody-has-any-more-01"]).seal("{}", place="elsewhere")
    await app.rows("UPDATE reset_requests SET sealed_content=$1", lost)
    await request_reset(app, ADA)
    assert [event["ip_address"] for event in await app.rows(REQUESTED)] == [None, "127.0.0.1"]
    assert len(await app.rows("SELECT * FROM outbox_mails")) == 1


@pytest.mark.parametrize("content", ["{}", "not JSON"])
async def test_a_request_of_another_shape_is_evidence_still_and_holds_nobody_up(
    app: Application, content: str
) -> None:
    await ask(app, "eve@example.com")
    (row,) = await app.rows("SELECT id FROM reset_requests")
    sealed = Sealer([SECRET]).seal(content, place=f"reset-request:{row['id']}")
    await app.rows("UPDATE reset_requests SET sealed_content=$1", sealed)
    await app.run_loop("reset-requests")
    assert len(await app.rows(REQUESTED)) == 1
    assert await app.rows("SELECT * FROM reset_requests") == []


async def fail_for_eve(app: Application, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Have Eve ask before Ada does, and fail with an error of hers."""
    for name in ("eve", "ada"):
        await app.register(name)
        await ask(app, f"{name}@example.com")
    await app.rows("DELETE FROM outbox_mails")
    send_link = ResetRequests.send_link

    async def failing(self: ResetRequests, account: Account, origin: Origin) -> None:
        if account.username == "eve":
            raise error
        await send_link(self, account, origin)

    monkeypatch.setattr(ResetRequests, "send_link", failing)


async def test_a_request_that_fails_by_its_own_fault_holds_nobody_up_and_is_tried_for_a_minute(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fail_for_eve(app, monkeypatch, ValueError("hers"))
    await app.run_loop("reset-requests")
    assert len(await app.rows("SELECT * FROM outbox_mails")) == 1
    assert len(await app.rows("SELECT * FROM reset_requests")) == 1
    app.clock.advance(62)
    await app.run_loop("reset-requests")
    assert await app.rows("SELECT * FROM reset_requests") == []


async def test_no_request_is_lost_to_a_database_that_is_away(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fail_for_eve(app, monkeypatch, ConnectionError())
    app.clock.advance(62)
    with pytest.raises(ConnectionError):
        await app.run_loop("reset-requests")
    assert len(await app.rows("SELECT * FROM reset_requests")) == 2
    monkeypatch.undo()
    await app.run_loop("reset-requests")
    assert len(await app.rows("SELECT * FROM outbox_mails")) == 2


@pytest.mark.process
async def test_what_was_acknowledged_survives_the_end_of_the_process(
    start_server: StartServer, mail_server: MailServer, tmp_path: Path
) -> None:
    mail_server.forget()
    server = start_server("--dev", SMTP_URL=mail_server.url)
    given = {"username": "ada", "email": ADA, "password": "violet-harbour-umbrella-27"}
    server.gql(REGISTER, {"input": given})
    await mail_server.wait_for(ADA)
    assert requests_waiting_after_a_kill(server, tmp_path) == 1
    start_server("--dev", SMTP_URL=mail_server.url)
    assert await mail_server.token_for(ADA, 2)


def requests_waiting_after_a_kill(server: LiveServer, directory: Path) -> int:
    """Ask until the server dies with a request that was acknowledged and not yet looked into."""
    with httpx2.Client(base_url=server.url) as client:
        body = {"query": REQUEST_RESET, "variables": {"email": ADA}}
        assert "PasswordResetRequested" in client.post("/graphql", json=body).text
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(30)
    with sqlite3.connect(directory / "var/authgql.db") as database:
        (count,) = database.execute("SELECT count(*) FROM reset_requests").fetchone()
    database.close()
    return int(count)
