import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from conftest import MakeApp
from support.accounts import register
from support.app import SECRET, Application, ManualClock, together
from support.mail import MailServer, text_of
from support.ports import free_port
from support.tls import certificate_in, server_context

from authgql.core.sealing import Sealer
from authgql.mail.delivery import LEASE, LONGEST_WAIT, MAX_ATTEMPTS, Delivery, SmtpTransport
from authgql.mail.models import OutboxMail
from authgql.mail.outbox import Outbox
from authgql.mail.templates import Templates

CONTEXT = {"username": "ada", "at": "23 November 2026, 16:41 UTC"}
ADA = "ada@example.com"


@pytest.fixture
async def app(app: Application) -> Application:
    """The application with nobody at work in the background: mails go when a test says so."""
    await app.system.loops.stop()
    return app


@pytest.fixture
def delivery(app: Application) -> Delivery:
    return delivery_to(app.mail.url, clock=app.clock)


def delivery_to(url: str, *, clock: ManualClock, sender: str = "authgql@example.org") -> Delivery:
    return Delivery(
        clock=clock,
        sealer=Sealer([SECRET]),
        templates=Templates(site="id.example.com"),
        transport=SmtpTransport(url),
        sender=sender,
    )


async def enqueue(
    app: Application,
    *,
    to: str = ADA,
    template: str = "account_deleted",
    secret: str = SECRET,
    useless_after: datetime | None = None,
    **context: str,
) -> OutboxMail:
    outbox = Outbox(clock=app.clock, sealer=Sealer([secret]))
    await outbox.enqueue(
        template, to=to, context=CONTEXT | context, account_id=None, useless_after=useless_after
    )
    mail = await OutboxMail.all().order_by("-id").first()
    assert mail is not None
    return mail


async def state_of(mail: OutboxMail) -> Any:
    return await OutboxMail.get(id=mail.id)


async def test_a_mail_goes_out_by_itself_when_it_is_queued(make_app: MakeApp) -> None:
    app = await make_app()
    await app.register()
    assert "#token=agl_" in text_of(await app.mail.wait_for(ADA))


async def test_a_mail_says_who_sends_it_to_whom_when_and_that_a_machine_did(
    app: Application, delivery: Delivery
) -> None:
    queued = await enqueue(app)
    app.clock.advance(hours=1)
    await delivery.run_once()
    (mail,) = app.mail.received
    assert (mail["From"], mail["To"]) == ("authgql@example.org", ADA)
    assert mail["Message-ID"] == f"<{queued.id}@example.org>"
    assert mail["Date"].datetime == queued.created_at.replace(microsecond=0)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("sender", "domain"),
    [("Accounts <id@example.org>", "example.org"), ("authgql@localhost", "localhost")],
)
async def test_the_message_id_is_of_the_senders_domain(app: Application, sender: str, domain: str) -> None:
    await enqueue(app)
    await delivery_to(app.mail.url, clock=app.clock, sender=sender).run_once()
    (mail,) = app.mail.received
    assert mail["Message-ID"].endswith(f"@{domain}>")
    assert mail["From"] == sender


async def test_what_a_mail_said_is_wiped_once_it_has_gone(app: Application, delivery: Delivery) -> None:
    mail = await enqueue(app)
    await delivery.run_once()
    sent = await state_of(mail)
    assert (sent.sealed_content, sent.due_at, sent.abandoned_at) == (None, None, None)
    assert (sent.sent_at, sent.attempts) == (app.clock.now(), 1)
    await delivery.run_once()
    assert len(app.mail.received) == 1


@pytest.mark.parametrize("answer", ["451 Try again later", "554 No such thing here"])
async def test_a_refused_mail_is_delivered_after_recovery_as_the_same_message(
    app: Application, delivery: Delivery, answer: str
) -> None:
    queued = await enqueue(app)
    app.mail.refuse = answer
    await delivery.run_once()
    waiting = await state_of(queued)
    assert (waiting.attempts, waiting.sent_at, app.mail.received) == (1, None, [])
    assert waiting.due_at == app.clock.now() + timedelta(seconds=5)
    app.mail.refuse = None
    await delivery.run_once()
    assert app.mail.received == []  # not before its time
    app.clock.advance(5)
    await delivery.run_once()
    (mail,) = app.mail.received
    assert mail["Message-ID"] == f"<{queued.id}@example.org>"
    assert (await state_of(queued)).attempts == 2


async def test_an_answer_that_was_lost_repeats_the_same_message(app: Application, delivery: Delivery) -> None:
    queued = await enqueue(app)
    await delivery.run_once()
    await OutboxMail.filter(id=queued.id).update(  # as if the server had died before it wrote this down
        due_at=app.clock.now(), sealed_content=queued.sealed_content, sent_at=None
    )
    await delivery.run_once()
    first, second = app.mail.received
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]


async def test_a_server_that_is_down_loses_no_mail(app: Application) -> None:
    queued = await enqueue(app)
    port = free_port()
    delivery = delivery_to(f"smtp://127.0.0.1:{port}", clock=app.clock)
    await delivery.run_once()
    assert (await state_of(queued)).attempts == 1
    server = Controller(app.mail, hostname="127.0.0.1", port=port)
    server.start()
    try:
        app.clock.advance(5)
        await delivery.run_once()
    finally:
        server.stop()
    assert (await state_of(queued)).sent_at == app.clock.now()
    assert len(app.mail.to(ADA)) == 1


async def test_the_waits_grow_to_six_hours_and_then_it_is_given_up(
    app: Application, delivery: Delivery
) -> None:
    queued = await enqueue(app)
    app.mail.refuse = "451 Try again later"
    waits = []
    for _ in range(MAX_ATTEMPTS - 1):
        await delivery.run_once()
        due_at = (await state_of(queued)).due_at
        assert due_at is not None
        waits.append(due_at - app.clock.now())
        app.clock.advance(waits[-1].total_seconds())
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=5), LONGEST_WAIT)
    await delivery.run_once()
    lost = await state_of(queued)
    assert (lost.attempts, lost.due_at, lost.sent_at) == (MAX_ATTEMPTS, None, None)
    assert lost.abandoned_at == app.clock.now()
    assert lost.sealed_content is None
    app.mail.refuse = None
    app.clock.advance(days=30)
    await delivery.run_once()
    assert app.mail.received == []


async def test_a_mail_whose_link_has_expired_is_never_sent(app: Application, delivery: Delivery) -> None:
    queued = await enqueue(app, useless_after=app.clock.now() + timedelta(seconds=60))
    app.clock.advance(60)
    await delivery.run_once()
    lost = await state_of(queued)
    assert (lost.sent_at, lost.due_at, lost.sealed_content) == (None, None, None)
    assert lost.abandoned_at == app.clock.now()
    assert app.mail.received == []


async def test_a_mail_is_sent_until_the_moment_its_link_expires(app: Application, delivery: Delivery) -> None:
    await enqueue(app, useless_after=app.clock.now() + timedelta(seconds=60))
    app.clock.advance(59)
    await delivery.run_once()
    assert len(app.mail.received) == 1


async def test_of_many_deliveries_at_once_one_sends_each_mail(app: Application) -> None:
    for number in range(25):  # more than one batch
        await enqueue(app, to=f"user{number}@example.com")
    await together(*(delivery_to(app.mail.url, clock=app.clock).run_once() for _ in range(4)))
    addresses = [str(mail["To"]) for mail in app.mail.received]
    assert sorted(addresses) == sorted(f"user{number}@example.com" for number in range(25))
    assert {mail.attempts for mail in await OutboxMail.all()} == {1}


async def test_a_mail_under_way_elsewhere_is_left_alone_until_its_lease_ends(
    app: Application, delivery: Delivery
) -> None:
    queued = await enqueue(app)
    assert await delivery._lease(await state_of(queued))  # noqa: SLF001 -- another node, which then dies
    await delivery.run_once()
    app.clock.advance(LEASE.total_seconds() - 1)
    await delivery.run_once()
    assert app.mail.received == []
    app.clock.advance(1)
    await delivery.run_once()
    assert len(app.mail.received) == 1


async def test_a_mail_sealed_under_a_lost_key_is_given_up(app: Application, delivery: Delivery) -> None:
    lost = await enqueue(app, secret="a-secret-that-was-rotated-away-and-lost")
    kept = await enqueue(app, to="eve@example.com")
    await delivery.run_once()
    given_up = await state_of(lost)
    assert given_up.abandoned_at == app.clock.now()
    assert (given_up.due_at, given_up.sealed_content, given_up.sent_at) == (None, None, None)
    assert (await state_of(kept)).sent_at is not None


async def test_a_mail_put_in_anothers_place_is_given_up(app: Application, delivery: Delivery) -> None:
    eves, adas = await enqueue(app, to="eve@example.com"), await enqueue(app)
    await OutboxMail.filter(id=eves.id).update(sealed_content=adas.sealed_content)
    await delivery.run_once()
    assert (await state_of(eves)).abandoned_at is not None
    assert [mail["To"] for mail in app.mail.received] == [ADA]


@pytest.mark.parametrize("template", ["no_such_template", "reset_password"])  # the latter lacks its link
async def test_a_mail_that_cannot_be_written_holds_up_none_behind_it(
    app: Application, delivery: Delivery, template: str
) -> None:
    broken = await enqueue(app, template=template)
    behind = await enqueue(app, to="eve@example.com")
    await delivery.run_once()
    assert [mail["To"] for mail in app.mail.received] == ["eve@example.com"]
    waiting = await state_of(broken)
    assert (waiting.attempts, waiting.abandoned_at) == (1, None)
    assert (await state_of(behind)).sent_at is not None


@pytest.mark.parametrize("damage", ["", "not sealed at all", "\N{SNOWMAN}"])
async def test_a_damaged_mail_holds_up_none_behind_it(
    app: Application, delivery: Delivery, damage: str
) -> None:
    broken = await enqueue(app)
    await OutboxMail.filter(id=broken.id).update(sealed_content=damage)
    await enqueue(app, to="eve@example.com")
    await delivery.run_once()
    assert [mail["To"] for mail in app.mail.received] == ["eve@example.com"]
    assert (await state_of(broken)).sent_at is None


@pytest.mark.parametrize(
    ("given", "sent_to"),
    [
        ("ada@exämple.de", "ada@xn--exmple-cua.de"),
        ("ada@EXÄMPLE.de", "ada@xn--exmple-cua.de"),
        ("ada@例え.jp", "ada@xn--r8jz45g.jp"),
        ("jörg@example.de", "jörg@example.de"),
    ],
)
async def test_addresses_beyond_ascii_are_reached(app: Application, given: str, sent_to: str) -> None:
    assert (await register(app, "ada", given))["__typename"] == "RegisterSuccess"
    await app.run_loop("mail")
    (mail,) = app.mail.received
    assert mail["To"] == sent_to
    assert "#token=agl_" in text_of(mail)


async def test_names_beyond_ascii_arrive_as_they_were_written(app: Application, delivery: Delivery) -> None:
    await enqueue(app, username="Ægir Þór \N{SNOWMAN} 例え")
    await delivery.run_once()
    assert "Ægir Þór \N{SNOWMAN} 例え" in text_of(app.mail.received[0])


async def test_an_address_that_a_server_cannot_take_holds_up_none_behind_it(app: Application) -> None:
    broken = await enqueue(app, to="jörg@example.de")
    await enqueue(app)
    with listening(app.mail, enable_SMTPUTF8=False) as port:
        await delivery_to(f"smtp://127.0.0.1:{port}", clock=app.clock).run_once()
    assert [mail["To"] for mail in app.mail.received] == [ADA]
    assert (await state_of(broken)).attempts == 1


@contextmanager
def listening(handler: MailServer, **options: Any) -> Iterator[int]:
    server = Controller(handler, hostname="127.0.0.1", port=free_port(), **options)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def message() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "authgql@example.org", ADA, "Hello"
    mail.set_content("Plain words.\n")
    return mail


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return certificate_in(tmp_path)


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    return server_context(certificate)


def only_ada(
    _server: object, _session: object, _envelope: object, _mechanism: str, data: object
) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"ada@id", b"p:ss w/rd?")
    return AuthResult(success=right, handled=False)


CREDENTIALS = "ada%40id:p%3Ass%20w%2Frd%3F"
TLS_FORMS = pytest.mark.parametrize(
    ("url", "option"),
    [
        ("smtp://{credentials}@127.0.0.1:{port}?starttls=true", "tls_context"),
        ("smtps://{credentials}@127.0.0.1:{port}", "ssl_context"),
        ("smtps://{credentials}@127.0.0.1:{port}?starttls=true", "ssl_context"),
    ],
)


@TLS_FORMS
async def test_credentials_go_over_tls(  # noqa: PLR0917 -- fixtures
    mail_server: MailServer,
    certificate: Path,
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    option: str,
) -> None:
    mail_server.forget()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    implicit = option == "ssl_context"  # which aiosmtpd does not take for TLS when it asks for credentials
    options = {option: tls, "authenticator": only_ada, "auth_require_tls": not implicit}
    with listening(mail_server, auth_required=not implicit, **options) as port:
        await SmtpTransport(url.format(credentials=CREDENTIALS, port=port)).deliver(message())
        with pytest.raises(aiosmtplib.SMTPAuthenticationError):
            await SmtpTransport(url.format(credentials="ada%40id:wrong", port=port)).deliver(message())
    assert len(mail_server.received) == 1


@TLS_FORMS
async def test_a_server_that_nobody_vouches_for_gets_no_mail(
    mail_server: MailServer, tls: ssl.SSLContext, url: str, option: str
) -> None:
    mail_server.forget()
    refused = pytest.raises((aiosmtplib.SMTPException, ssl.SSLError))
    with listening(mail_server, **{option: tls}) as port, refused:
        await SmtpTransport(url.format(credentials=CREDENTIALS, port=port)).deliver(message())
    assert mail_server.received == []


@pytest.mark.parametrize(
    "demand", ["starttls=true", "starttls=yes", "StartTLS=True", "starttls=", "starttls=1"]
)
async def test_a_server_without_starttls_gets_nothing_where_it_is_demanded(
    mail_server: MailServer, demand: str
) -> None:
    mail_server.forget()
    with pytest.raises(aiosmtplib.SMTPException, match="STARTTLS"):
        await SmtpTransport(f"{mail_server.url}?{demand}").deliver(message())
    assert mail_server.received == []


@pytest.mark.parametrize("query", ["", "?", "?starttls=false", "?StartTLS=False"])
async def test_without_starttls_a_mail_goes_in_the_clear(mail_server: MailServer, query: str) -> None:
    mail_server.forget()
    await SmtpTransport(f"{mail_server.url}{query}").deliver(message())
    assert len(mail_server.received) == 1


@pytest.mark.parametrize(
    ("url", "port"), [("smtp://mail.example.com", 587), ("smtps://mail.example.com", 465)]
)
def test_a_url_without_a_port_means_the_protocols_own(url: str, port: int) -> None:
    options = SmtpTransport(url)._options  # noqa: SLF001 -- no test may connect there
    assert (options["hostname"], options["port"]) == ("mail.example.com", port)
