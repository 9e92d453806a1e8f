"""A request that was under way when the account was erased leaves no address in the trail."""

from support.accounts import WRONG_PASSWORD, account, delete_account, login
from support.app import FIREFOX, Application, together

from authgql.audit.events import Event, Origin

NAMED = (
    "SELECT * FROM security_events WHERE subject=$1 AND (ip_address IS NOT NULL OR user_agent IS NOT NULL)"
)


async def test_refusals_that_race_the_erasure_are_stripped_too(app: Application) -> None:
    ada = await app.signed_up()
    pseudonym = (await account(app))["pseudonym"]
    attempts = [login(app, "ada", WRONG_PASSWORD) for _ in range(8)]
    await together(*attempts[:4], delete_account(app, ada.access), *attempts[4:])
    await app.run_loop("erasure")
    assert await app.rows(NAMED, pseudonym) == []


async def test_what_is_written_late_is_stripped_and_what_others_did_is_kept(app: Application) -> None:
    ada, _ = await app.signed_up(), await app.signed_up("bea")
    pseudonym, another = (await account(app))["pseudonym"], (await account(app, "bea"))["pseudonym"]
    await delete_account(app, ada.access)
    origin = Origin(ip_address="203.0.113.7", user_agent=FIREFOX)
    for subject in (pseudonym, another):  # as a refusal does that read the account before it was erased
        await app.system.services.audit.record(Event.LOGIN_REFUSED, subject=subject, origin=origin)
    assert len(await app.rows(NAMED, pseudonym)) == 1
    kept = len(await app.rows(NAMED, another))
    await app.run_loop("erasure")
    assert await app.rows(NAMED, pseudonym) == []
    assert len(await app.rows(NAMED, another)) == kept > 0


async def test_without_an_erasure_there_is_nothing_to_strip(app: Application) -> None:
    await app.signed_up()
    named = await app.rows("SELECT * FROM security_events WHERE ip_address IS NOT NULL")
    await app.run_loop("erasure")
    assert await app.rows("SELECT * FROM security_events WHERE ip_address IS NOT NULL") == named
