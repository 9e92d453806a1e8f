"""Somebody who can write to the database cannot rewrite the trail unnoticed (ASVS 16.4.2)."""

import pytest
from structlog.testing import capture_logs
from support.app import Application, ManualClock
from support.trail import blocks, ids_by, seal, sealed, tamper, write

from authgql.audit.blocks import ChainBroken, digest_of, read
from authgql.audit.chain import Chain
from authgql.audit.models import AuditBlock
from authgql.core.sealing import Sealer

CHANGED, MISSING, ADDED = "an event was changed, or replaced.", "events missing: 1.", "events added: 1."
NOT_SEALED = "was not sealed with any of SECRET_KEYS."

# What is done to the trail or its blocks, and what is said of it. There are three blocks of three events.
TAMPERINGS = {
    "changed kind": ("UPDATE security_events SET kind = 'session.ended' WHERE id = SOME", CHANGED),
    "changed time": (
        "UPDATE security_events SET at = '2020-01-01 00:00:00.000000+00:00' WHERE id = SOME",
        CHANGED,
    ),
    "changed subject": ("UPDATE security_events SET subject = session_id WHERE id = SOME", CHANGED),
    "no subject": ("UPDATE security_events SET subject = NULL WHERE id = SOME", CHANGED),
    "changed session": ("UPDATE security_events SET session_id = NULL WHERE id = SOME", CHANGED),
    "changed sentence": ("UPDATE security_events SET detail = 'Nothing.' WHERE id = SOME", CHANGED),
    "deleted": ("DELETE FROM security_events WHERE id = SOME", MISSING),
    "given another id": (
        "UPDATE security_events SET id = 'ffffffff-ffff-4fff-bfff-ffffffffffff' WHERE id = SOME",
        MISSING,
    ),
    "deleted, and everything that could say so": (
        "DELETE FROM security_events; DELETE FROM audit_blocks WHERE number > 1",
        f"Block 1, the newest, {NOT_SEALED}",
    ),
    "a block deleted": ("DELETE FROM audit_blocks WHERE number = 2", f"Block 3, the newest, {NOT_SEALED}"),
    "the first block deleted": ("DELETE FROM audit_blocks WHERE number = 1", "Block 1 is missing."),
    "two blocks swapped": (
        """
        UPDATE audit_blocks SET number = 99 WHERE number = 1;
        UPDATE audit_blocks SET number = 1 WHERE number = 2;
        UPDATE audit_blocks SET number = 2 WHERE number = 99;
        """,
        f"Block 3, the newest, {NOT_SEALED}",
    ),
    "a block of fewer events": (
        "UPDATE audit_blocks SET events = 2 WHERE number = 1",
        "Block 1 is not the one",
    ),
    "a block that ends earlier": (
        "UPDATE audit_blocks SET ends = begins WHERE number = 2",
        "Block 2 is not the",
    ),
    "another moment": ("UPDATE audit_blocks SET sealed_at = '2020-01-01 00:00:00+00:00'", NOT_SEALED),
    "no MAC": ("UPDATE audit_blocks SET mac = NULL", f"Block 3, the newest, {NOT_SEALED}"),
    "a MAC of another form": ("UPDATE audit_blocks SET mac = 'none'", f"Block 3, the newest, {NOT_SEALED}"),
    "a forged MAC": ("UPDATE audit_blocks SET mac = '0123456789abcdef0123456789abcdef'", NOT_SEALED),
    "said to be deleted by age": (
        "DELETE FROM security_events; UPDATE audit_blocks SET pruned = 3",
        f"Block 3, the newest, {NOT_SEALED}",
    ),
    "an older head": (
        """
        UPDATE audit_blocks SET mac = (SELECT mac FROM audit_blocks WHERE number = 3) WHERE number = 2;
        DELETE FROM audit_blocks WHERE number = 3;
        """,
        f"Block 2, the newest, {NOT_SEALED}",
    ),
}


@pytest.fixture(autouse=True)
def _ids_tell_the_clocks_time(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authgql.core.secrets.uuid7", ids_by(clock))


def auditor(app: Application) -> Chain:
    """The command line's: it has not seen the trail before."""
    return Chain(clock=app.clock, sealer=Sealer(app.system.settings.secret_keys))


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_what_was_tampered_with_is_found(app: Application, name: str) -> None:
    statement, said = TAMPERINGS[name]
    await sealed(app, 3, 3, 3)
    assert (await auditor(app).verify()).events == 9
    await tamper(statement)
    with pytest.raises(ChainBroken) as found:
        await auditor(app).verify()
    assert said in str(found.value)
    if said in {CHANGED, MISSING}:
        assert str(found.value).startswith("Block 2 (20")


async def test_an_event_that_is_inserted_later_is_found(app: Application) -> None:
    await sealed(app, 3, 3)
    (row,) = await app.rows("SELECT begins FROM audit_blocks WHERE number = 2")
    await tamper(
        "INSERT INTO security_events (id, kind, at) "
        "SELECT 'BEGINS', kind, at FROM security_events WHERE id = SOME",
        BEGINS=row["begins"],
    )
    with pytest.raises(ChainBroken, match="events added: 1"):
        await auditor(app).verify()


async def test_a_time_that_is_none_is_a_changed_event(app: Application) -> None:
    if app.system.settings.database_url.startswith("postgres"):
        return  # which keeps nothing but times there
    await sealed(app, 3)
    await tamper("UPDATE security_events SET at = 'yesterday'")
    with pytest.raises(ChainBroken, match="an event was changed"):
        await auditor(app).verify()


async def test_a_chain_that_was_computed_anew_lacks_the_key(app: Application) -> None:
    await sealed(app, 3, 3)
    await tamper("DELETE FROM security_events WHERE id = SOME")
    digest, thief = "", Sealer(["a-secret-that-only-the-thief-knows-0123456789"])
    for block in await AuditBlock.all().order_by("number"):
        part = await read(block.begins, block.ends)
        block.events, block.content = part.events, part.content
        block.digest = digest = digest_of(block, digest)
        if block.mac:
            block.mac = thief.sign(f"{digest} 0".encode(), purpose="audit-head").hex()
        await block.save()
    with pytest.raises(ChainBroken, match=NOT_SEALED):
        await auditor(app).verify()


async def test_a_tail_cut_off_with_an_older_copys_help_is_found_by_a_noted_digest(app: Application) -> None:
    await sealed(app, 3, 3)
    copy = (await blocks(app))[1]
    await sealed(app, 3)
    noted = (await blocks(app))[2]["digest"]
    assert (await auditor(app).verify(noted=noted)).events == 9
    await tamper(
        """
        DELETE FROM security_events WHERE id >= (SELECT begins FROM audit_blocks WHERE number = 3);
        DELETE FROM audit_blocks WHERE number = 3;
        UPDATE audit_blocks SET mac = 'COPIED' WHERE number = 2;
        """,
        COPIED=copy["mac"],
    )
    assert (await auditor(app).verify(noted=copy["digest"])).events == 6
    with pytest.raises(ChainBroken, match="No block has that digest: the chain was cut off"):
        await auditor(app).verify(noted=noted)


async def test_a_server_that_runs_notices_that_the_chain_it_saw_is_gone(app: Application) -> None:
    await sealed(app, 3)
    await tamper("DELETE FROM audit_blocks; DELETE FROM security_events")
    with capture_logs() as logs:
        await sealed(app, 3)
    assert [(line["log_level"], line["reason"]) for line in logs if line["event"] == "audit.broken"] == [
        ("error", "Block 1, which was there before, is gone or another.")
    ]
    assert await blocks(app) == []


async def test_a_head_that_does_not_verify_is_not_built_upon(app: Application) -> None:
    await sealed(app, 3)
    await tamper("UPDATE audit_blocks SET mac = '0123456789abcdef0123456789abcdef'")
    with capture_logs() as logs:
        await sealed(app, 3, 3)
    assert [line["log_level"] for line in logs if line["event"] == "audit.broken"] == ["error", "error"]
    assert len(await blocks(app)) == 1


async def test_evidence_is_not_deleted_by_age(app: Application) -> None:
    await sealed(app, 5)
    await tamper("UPDATE security_events SET detail = 'Nothing.' WHERE id = SOME")
    with capture_logs() as logs:
        assert await app.system.chain.prune(app.clock.now()) == 0
    (line,) = (line for line in logs if line["event"] == "audit.broken")
    assert line["reason"].endswith(CHANGED)
    assert len(await app.events()) == 5


async def test_events_put_where_others_were_deleted_by_age_are_found(app: Application) -> None:
    await sealed(app, 3, 3)
    rows = await app.rows("SELECT * FROM security_events ORDER BY id LIMIT 1")
    assert await app.system.chain.prune(app.clock.now()) == 6
    assert (await auditor(app).verify()).pruned == 2
    await tamper(
        "INSERT INTO security_events (id, kind, at) VALUES ('SAME', 'x', '2020-01-01 00:00:00+00:00')",
        SAME=rows[0]["id"],
    )
    with pytest.raises(ChainBroken, match=r"Block 1 .*, deleted by age: events added: 1"):
        await auditor(app).verify()


async def test_nobody_has_the_janitor_sign_that_young_events_went_by_age(app: Application) -> None:
    """The digests of a block's row are anybody's to write; the head's MAC alone says which row it is."""
    await sealed(app, 3, 3)
    genuine = await AuditBlock.get(number=1)
    app.clock.advance(days=400)
    await sealed(app, 3)
    forged = await AuditBlock.get(number=2)  # its events are young enough, were they not said to be block 1's
    await AuditBlock.filter(number=1).update(
        begins=forged.begins, ends=forged.ends, events=forged.events, content=forged.content
    )
    with capture_logs() as logs:
        assert await app.system.chain.prune(app.clock.now()) == 0
    assert [line["reason"] for line in logs if line["event"] == "audit.broken"] == [
        "Block 1 is not the one that was sealed."
    ]
    await AuditBlock.filter(number=1).update(
        begins=genuine.begins, ends=genuine.ends, events=genuine.events, content=genuine.content
    )
    whole = await auditor(app).verify()
    assert (whole.events, whole.pruned) == (9, 0)


async def test_blocks_computed_anew_up_to_the_head_do_not_lead_to_it(app: Application) -> None:
    await sealed(app, 3, 3, 3)
    digest, last = "", await AuditBlock.get(number=3)
    await tamper("DELETE FROM security_events WHERE id = SOME")
    for block in await AuditBlock.filter(number__lt=3).order_by("number"):
        part = await read(block.begins, block.ends)
        block.events, block.content = part.events, part.content
        block.digest = digest = digest_of(block, digest)
        await block.save()
    with pytest.raises(ChainBroken, match=f"Block 3, the newest, {NOT_SEALED}"):
        await auditor(app).verify()
    assert last.digest != digest_of(last, digest)


async def test_the_newest_block_deleted_during_the_walk_is_missed(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed(app, 3, 3)
    one = auditor(app)
    head = await AuditBlock.get(number=2)
    await tamper("DELETE FROM audit_blocks WHERE number = 2")

    async def as_it_was() -> AuditBlock:
        return head

    monkeypatch.setattr(one, "_head", as_it_was)
    with pytest.raises(ChainBroken, match="do not lead to the newest"):
        await one.verify()


async def test_all_that_is_wrong_is_told_not_the_first_alone(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed(app, 3, 3, 1, 1)
    await tamper("UPDATE security_events SET detail = 'Nothing.'")
    monkeypatch.setattr("authgql.audit.blocks.NAMED", 2)
    with pytest.raises(ChainBroken) as found:
        await auditor(app).verify()
    assert str(found.value).endswith(f"{CHANGED} Other blocks that are wrong: 3 (2, 3 …).")


async def test_an_id_that_is_none_is_told_and_stops_no_loop(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    if app.system.settings.database_url.startswith("postgres"):
        return  # which keeps nothing but UUIDs there
    monkeypatch.setattr("authgql.audit.blocks.LARGEST", 4)
    await write(app, 5)
    await tamper("UPDATE security_events SET id = substr(id, 1, 35) || '?' WHERE id = SOME")
    with capture_logs() as logs:
        await seal(app)
    (line,) = (line for line in logs if line["event"] == "audit.broken")
    assert line["reason"].startswith("An event has an id that is none")
