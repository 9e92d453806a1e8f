import asyncio
import os
import stat
import threading
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from authgql.mail.mailbox import KEPT, MAIL_ID, DevelopmentMailbox, sent_at

UNKNOWN = "01a2094c-fde5-77f5-acbf-4e73a008931c"
MOMENT = datetime(2026, 11, 23, 16, 41, 7, tzinfo=UTC)


def mail(subject: str = "Hello", *, to: str = "ada@example.com") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "authgql@localhost"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = MOMENT
    message.set_content("Plain words.\n")
    message.add_alternative("<p>Words.</p>", subtype="html")
    return message


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "var" / "mailbox"


@pytest.fixture
def mailbox(directory: Path) -> DevelopmentMailbox:
    return DevelopmentMailbox(directory=directory)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def files_in(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


async def test_a_mailbox_that_never_had_a_mail_is_empty(mailbox: DevelopmentMailbox) -> None:
    assert await mailbox.list() == []


async def test_a_delivered_mail_is_listed_and_read_back_whole(mailbox: DevelopmentMailbox) -> None:
    await mailbox.deliver(mail("Grüße", to="jörg@exämple.de"))
    (summary,) = await mailbox.list()
    assert (summary.sender, summary.to, summary.subject, summary.sent_at) == (
        "authgql@localhost",
        "jörg@exämple.de",
        "Grüße",
        MOMENT,
    )
    message = await mailbox.get(summary.id)
    assert message is not None
    plain = message.get_body(("plain",))
    assert plain is not None
    assert plain.get_content() == "Plain words.\n"
    assert sent_at(message) == MOMENT


async def test_the_list_is_newest_first(mailbox: DevelopmentMailbox) -> None:
    for number in range(20):
        await mailbox.deliver(mail(f"{number}"))
    assert [summary.subject for summary in await mailbox.list()] == [f"{n}" for n in reversed(range(20))]


async def test_simultaneous_deliveries_all_arrive(mailbox: DevelopmentMailbox) -> None:
    await asyncio.gather(*(mailbox.deliver(mail(f"{number}")) for number in range(30)))
    assert {summary.subject for summary in await mailbox.list()} == {f"{number}" for number in range(30)}


async def test_other_users_of_the_machine_can_read_nothing(
    mailbox: DevelopmentMailbox, directory: Path
) -> None:
    before = os.umask(0)
    try:
        await mailbox.deliver(mail())
    finally:
        os.umask(before)
    (file,) = files_in(directory)
    assert mode(directory) == 0o700
    assert mode(file) == 0o600


async def test_only_the_newest_are_kept(mailbox: DevelopmentMailbox, directory: Path) -> None:
    for number in range(KEPT + 3):
        await mailbox.deliver(mail(f"{number}"))
    kept = await mailbox.list()
    assert len(kept) == len(files_in(directory)) == KEPT == 200
    assert (kept[0].subject, kept[-1].subject) == (f"{KEPT + 2}", "3")


async def test_a_failed_delivery_is_told_and_leaves_nothing(
    mailbox: DevelopmentMailbox, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        await mailbox.deliver(mail())
    assert files_in(directory) == []


async def test_the_event_loop_never_waits_for_the_disk(
    mailbox: DevelopmentMailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    mkdir, read = Path.mkdir, Path.read_bytes

    def noted_mkdir(path: Path, mode: int = 0o777, *, parents: bool, exist_ok: bool) -> None:
        threads.append(threading.get_ident())
        mkdir(path, mode, parents, exist_ok)

    def noted_read(path: Path) -> bytes:
        threads.append(threading.get_ident())
        return read(path)

    monkeypatch.setattr(Path, "mkdir", noted_mkdir)
    monkeypatch.setattr(Path, "read_bytes", noted_read)
    await mailbox.deliver(mail())
    (summary,) = await mailbox.list()
    await mailbox.get(summary.id)
    assert len(threads) >= 3
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    "mail_id",
    [
        "",
        ".",
        "..",
        "../secret",
        "../../etc/passwd",
        "/etc/passwd",
        "%2e%2e/secret",
        f"{UNKNOWN}\n",
        f"{UNKNOWN}/../secret",
        f"{UNKNOWN}.eml",
        UNKNOWN.upper(),
        "\u06601a2094c-fde5-77f5-acbf-4e73a008931c",
        "\x00",
    ],
)
async def test_an_id_reaches_no_other_file(
    mailbox: DevelopmentMailbox, directory: Path, mail_id: str
) -> None:
    await mailbox.deliver(mail())
    put(directory.parent / "secret.eml", b"Subject: secret\n\n")
    assert await mailbox.get(mail_id) is None


async def test_an_unknown_mail_is_none(mailbox: DevelopmentMailbox) -> None:
    assert await mailbox.get(UNKNOWN) is None


async def test_a_mail_forgotten_while_the_list_is_read_is_left_out(
    mailbox: DevelopmentMailbox, directory: Path
) -> None:
    await mailbox.deliver(mail())
    (directory / f"{UNKNOWN}.eml").symlink_to(directory / "gone")
    assert [summary.subject for summary in await mailbox.list()] == ["Hello"]


async def test_files_that_are_no_mails_are_left_alone(mailbox: DevelopmentMailbox, directory: Path) -> None:
    put(directory / "notes.eml", b"Subject: mine\n\n")
    await mailbox.deliver(mail())
    assert [summary.subject for summary in await mailbox.list()] == ["Hello"]
    assert (directory / "notes.eml").exists()


@pytest.mark.parametrize("source", [b"", b"Date: soon\n\n", b"\xff\xfe\x00", b"Subject: =?x?q?\n\nwords"])
async def test_a_mangled_file_is_listed_without_what_it_lacks(
    mailbox: DevelopmentMailbox, directory: Path, source: bytes
) -> None:
    put(directory / f"{UNKNOWN}.eml", source)
    (summary,) = await mailbox.list()
    assert MAIL_ID.fullmatch(summary.id)
    assert (summary.sender, summary.to, summary.sent_at) == ("", "", None)
