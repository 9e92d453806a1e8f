"""The trail is sealed once it has settled, by one of however many, and what is forgotten breaks nothing."""

import asyncio
from datetime import timedelta

import pytest
from conftest import MakeApp
from structlog.testing import capture_logs
from support.accounts import delete_account
from support.app import SECRET, Application, ManualClock, together
from support.dialects import on_postgres
from support.documents import LOGOUT
from support.trail import blocks, ids_by, seal, sealed, tamper, write

from authgql.audit import blocks as formats
from authgql.audit.blocks import ChainBroken, read
from authgql.audit.chain import Chain
from authgql.core.sealing import Sealer

DIGEST = "18dfa8a43504918c8bc3c7d72f6975f78e60e3c85afbd28210da5928a13dd422"
TWO_EVENTS = """
INSERT INTO security_events (id, kind, at, subject, session_id, ip_address, detail) VALUES
('0195b6f0-0000-7000-8000-000000000001', 'session.started', '2025-03-21 01:02:03.000456+00:00',
 '0195b6f0-0000-4000-8000-000000000002', '0195b6f0-0000-7000-8000-000000000003', '192.0.2.7', 'Signé "in".'),
('0195b6f0-0000-7000-8000-000000000004', 'signing_key.added', '2025-03-21 01:02:04+00:00',
 NULL, NULL, NULL, NULL)
"""
NEWER = "a-newer-secret-of-thirty-two-characters"


@pytest.fixture(autouse=True)
def _ids_tell_the_clocks_time(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authgql.core.secrets.uuid7", ids_by(clock))


def chain(app: Application, *secrets: str) -> Chain:
    """Another process's."""
    return Chain(clock=app.clock, sealer=Sealer(secrets or (SECRET,)))


async def test_what_has_settled_is_sealed_and_what_is_newer_is_counted(app: Application) -> None:
    await write(app, 3)
    await app.run_loop("sealer")
    app.clock.advance(minutes=14)
    await app.run_loop("sealer")
    assert str(await chain(app).verify()) == "Nothing is sealed yet. Events: 3."
    with capture_logs() as logs:
        await seal(app)
    (block,) = await blocks(app)
    await write(app, 2)
    whole = await chain(app).verify(noted=block["digest"])
    assert (whole.events, whole.unsealed) == (3, 2)
    assert str(whole).splitlines() == [
        "Whole. Blocks: 1. Events in them: 3. Newer events, not sealed yet: 2.",
        f"Head: {block['digest']}, sealed {app.clock.now():%Y-%m-%d %H:%M:%S} UTC.",
    ]
    (line,) = (line for line in logs if line["event"] == "audit.sealed")
    assert (line["number"], line["digest"], line["events"]) == (1, block["digest"], 3)


async def test_blocks_follow_each_other_without_a_gap_and_the_newest_alone_has_a_mac(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "LARGEST", 4)
    monkeypatch.setattr(formats, "PAGE", 3)
    await sealed(app, 10, 1)
    rows = await blocks(app)
    assert [row["events"] for row in rows] == [4, 4, 2, 1]
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert [row["begins"] for row in rows[1:]] == [row["ends"] for row in rows[:-1]]
    assert [row["mac"] is None for row in rows] == [True, True, True, False]
    assert (await chain(app).verify()).events == 11


async def test_nothing_new_makes_no_block(app: Application) -> None:
    await sealed(app, 1, 0, 0)
    assert len(await blocks(app)) == 1


async def test_both_databases_have_the_same_digest_of_the_same_events(app: Application) -> None:
    """The format is for good: what was sealed by one release has to be whole for the next."""
    assert await app.events() == []
    await tamper(TWO_EVENTS)
    part = await read(formats.FIRST, formats.LAST)
    assert (part.events, part.content) == (2, DIGEST)


async def test_a_late_event_is_sealed_with_the_others(app: Application) -> None:
    """It has its id since its transaction began, and is seen by others when that commits."""
    await write(app, 2)
    (late, _) = await app.rows("SELECT * FROM security_events ORDER BY id")
    await tamper("DELETE FROM security_events WHERE id = 'LATE'", LATE=late["id"])
    app.clock.advance(minutes=10)
    await app.run_loop("sealer")
    await tamper(
        "INSERT INTO security_events (id, kind, at) VALUES ('LATE', 'session.started', 'THEN')",
        LATE=late["id"],
        THEN=late["at"],
    )
    await seal(app)
    assert (await chain(app).verify()).events == 2


async def test_several_sealers_at_once_make_one_chain(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "LARGEST", 2)
    await write(app, 9)
    app.clock.advance(minutes=20)
    sealers = [chain(app) for _ in range(5)]
    await together(*(one.seal() for one in sealers))
    await app.run_loop("sealer")
    assert [row["events"] for row in await blocks(app)] == [2, 2, 2, 2, 1]
    assert (await chain(app).verify()).events == 9


async def test_a_kill_in_the_middle_costs_nothing(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    await sealed(app, 3)
    await write(app, 3)
    app.clock.advance(minutes=20)
    with monkeypatch.context() as killed:
        killed.setattr("authgql.audit.models.AuditBlock.bulk_create", _killed)
        with pytest.raises(asyncio.CancelledError):
            await app.system.chain.seal()
    assert (await chain(app).verify()).events == 3
    await app.run_loop("sealer")
    assert (await chain(app).verify()).events == 6


async def _killed(*_: object) -> None:
    raise asyncio.CancelledError


async def test_what_is_erased_truncated_and_deleted_breaks_nothing(app: Application) -> None:
    ada = await app.signed_up()
    other = await app.login()
    await app.gql(LOGOUT, token=other.access)
    await seal(app)
    before = await chain(app).verify()
    await delete_account(app, (await app.login()).access)
    assert (await app.gql("{ me { id } }", token=ada.access)).only is None
    await app.signed_up("grace")
    app.clock.advance(days=400)
    await app.run_loop("janitor")
    await app.run_loop("erasure")
    assert "/24" in str(await app.rows("SELECT ip_address FROM security_events"))
    whole = await chain(app).verify(noted=before.head.digest if before.head else "")
    assert whole.events == before.events > 0


async def test_the_head_is_signed_anew_with_a_newer_secret_which_then_suffices(app: Application) -> None:
    await sealed(app, 3)
    await chain(app, NEWER, SECRET).seal()
    assert (await chain(app, NEWER).verify()).events == 3
    with pytest.raises(ChainBroken, match="was not sealed with any of SECRET_KEYS"):
        await chain(app).verify()


async def test_old_events_go_block_by_block_and_the_chain_stays_whole(make_app: MakeApp) -> None:
    app = await make_app(audit_retention_days=30)
    await sealed(app, 3, 2)
    app.clock.advance(days=29)
    await app.run_loop("janitor")
    assert len(await app.events()) == 5
    app.clock.advance(days=2)
    cleaned = await app.system.janitor.clean()
    assert (cleaned.deleted["events"], await app.events()) == (5, [])
    whole = await chain(app).verify()
    assert (whole.events, whole.pruned) == (0, 2)
    assert "Blocks: 2 (events deleted by age: the first 2). Events in them: 0." in str(whole)
    assert len(await blocks(app)) == 2


async def test_several_janitors_delete_each_block_once(app: Application) -> None:
    await sealed(app, 3, 3, 3)
    deleted = await together(*(chain(app).prune(app.clock.now() + timedelta(days=1)) for _ in range(4)))
    deleted.append(await app.system.chain.prune(app.clock.now() + timedelta(days=1)))
    assert sum(deleted) == 9
    assert (await chain(app).verify()).pruned == 3


@on_postgres
async def test_what_a_janitor_deletes_meanwhile_is_not_missed(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed(app, 3, 3)
    auditor, head = chain(app), app.system.chain._head  # noqa: SLF001 -- as it was before

    async def pruned_then(*_: object) -> object:
        found = await head()
        monkeypatch.undo()
        await app.system.chain.prune(app.clock.now())
        return found

    monkeypatch.setattr(auditor, "_head", pruned_then)
    assert (await auditor.verify()).events == 0
