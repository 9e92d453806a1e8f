from datetime import timedelta

import pytest
from support.accounts import delete_account, request_reset
from support.app import Application, together
from support.contents import everything_in
from support.mail import text_of

from authgql.core.database import transaction
from authgql.core.sealing import CannotOpen, Sealer
from authgql.core.secrets import fingerprint
from authgql.mail.models import OutboxMail
from authgql.mail.outbox import Outbox

CONTEXT = {"username": "ada", "at": "23 November 2026, 16:41 UTC"}


class MishapError(Exception):
    """Whatever rolls a transaction back."""


async def enqueue_and_fail(outbox: Outbox) -> None:
    async with transaction():
        await enqueue(outbox)
        raise MishapError


@pytest.fixture
def woken() -> list[None]:
    return []


@pytest.fixture
async def app(app: Application) -> Application:
    """The application with nobody at work in the background: what is queued stays."""
    await app.system.loops.stop()
    return app


@pytest.fixture
def outbox(app: Application, woken: list[None]) -> Outbox:
    outbox = Outbox(clock=app.clock, sealer=Sealer(app.system.settings.secret_keys))
    outbox.on_mail = lambda: woken.append(None)
    return outbox


async def enqueue(outbox: Outbox, to: str = "ada@example.com") -> None:
    await outbox.enqueue("account_deleted", to=to, context=CONTEXT, account_id=None)


async def test_a_mail_goes_with_the_transaction_that_causes_it(outbox: Outbox, woken: list[None]) -> None:
    with pytest.raises(MishapError):
        await enqueue_and_fail(outbox)
    assert await OutboxMail.all().count() == 0
    assert woken == []


async def test_delivery_is_woken_only_once_the_mail_is_safe(outbox: Outbox, woken: list[None]) -> None:
    async with transaction():
        await enqueue(outbox)
        assert woken == []
    assert woken == [None]
    assert await OutboxMail.all().count() == 1


async def test_a_mail_outside_any_transaction_is_queued_at_once(outbox: Outbox, woken: list[None]) -> None:
    await enqueue(outbox)
    assert woken == [None]


async def test_a_mail_is_due_at_once_and_until_its_link_expires(app: Application) -> None:
    await app.register()
    (mail,) = await OutboxMail.all()
    assert (mail.template, mail.attempts, mail.sent_at, mail.abandoned_at) == ("verify_email", 0, None, None)
    assert mail.due_at == mail.created_at == app.clock.now()
    assert mail.useless_after == app.clock.now() + timedelta(days=1)


async def test_a_waiting_link_is_nowhere_in_the_database_in_the_clear(app: Application) -> None:
    await app.register()
    await request_reset(app, "ada@example.com")
    before = await everything_in(app)
    await app.run_loop("mail")
    verification, reset = [text_of(mail) for mail in app.mail.to("ada@example.com")]
    for text in (verification, reset):
        token = text.partition("#token=")[2].split()[0]
        assert token.startswith("agl_")
        for table, rows in before.items():
            assert token not in rows, table
            assert token.removeprefix("agl_") not in rows, table
        assert fingerprint(token) in before["one_time_links"]


async def test_a_waiting_mail_names_nobody_in_the_clear(outbox: Outbox, app: Application) -> None:
    await enqueue(outbox, "countess@example.com")
    for table, rows in (await everything_in(app)).items():
        assert "countess" not in rows, table
        assert CONTEXT["at"] not in rows, table


async def test_what_a_mail_says_opens_only_in_its_own_place(outbox: Outbox, app: Application) -> None:
    await together(enqueue(outbox, "ada@example.com"), enqueue(outbox, "eve@example.com"))
    first, second = await OutboxMail.all().order_by("id")
    sealer = Sealer(app.system.settings.secret_keys)
    assert "example.com" in sealer.open(first.sealed_content or "", place=f"mail:{first.id}")
    with pytest.raises(CannotOpen):
        sealer.open(first.sealed_content or "", place=f"mail:{second.id}")


async def test_an_erased_accounts_waiting_mails_go_with_it_but_for_the_farewell(app: Application) -> None:
    ada = await app.signed_up()
    await request_reset(app, "ada@example.com")
    assert await OutboxMail.all().count() == 2
    assert (await delete_account(app, ada.access))["__typename"] == "DeleteAccountSuccess"
    (farewell,) = await OutboxMail.all()
    assert farewell.template == "account_deleted"
    await app.run_loop("mail")
    (mail,) = app.mail.to("ada@example.com")
    assert "was deleted" in text_of(mail)
    assert not [name for name, rows in (await everything_in(app)).items() if "ada@example.com" in rows]
