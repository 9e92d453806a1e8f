"""However many register at once, a name and an address belong to one account."""

from collections import Counter

import pytest
from support.accounts import register, update_profile, verify_email
from support.app import Application, together

ACCOUNTS = "SELECT * FROM accounts"


def cased(name: str, number: int) -> str:
    """Return one of 32 spellings of a name of five letters or more."""
    return (
        "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate(name[:5]))
        + name[5:]
    )


async def kinds_of(app: Application, people: list[tuple[str, str]]) -> Counter[str]:
    results = await together(*(register(app, username, email) for username, email in people))
    return Counter(result["__typename"] for result in results)


async def test_one_of_32_registrations_of_a_name_succeeds(app: Application) -> None:
    people = [(cased("adalove", number), f"ada{number}@example.com") for number in range(32)]
    assert len({username for username, _ in people}) == 32
    assert await kinds_of(app, people) == {"RegisterSuccess": 1, "UsernameTaken": 31}
    assert len(await app.rows(ACCOUNTS)) == 1


async def test_one_of_32_registrations_of_an_address_succeeds(app: Application) -> None:
    people = [(f"ada{number}", cased("adalove@example.com", number)) for number in range(32)]
    assert await kinds_of(app, people) == {"RegisterSuccess": 1, "EmailTaken": 31}
    assert len(await app.rows(ACCOUNTS)) == 1


async def test_one_of_32_registrations_of_both_succeeds(app: Application) -> None:
    people = [(cased("adalove", n), cased("adalove@example.com", n)) for n in range(32)]
    kinds = await kinds_of(app, people)
    assert kinds["RegisterSuccess"] == 1
    assert kinds["UsernameTaken"] + kinds["EmailTaken"] == 31


async def test_losers_hear_of_what_they_lost(app: Application) -> None:
    people = [("adalove", "ada@example.com"), ("ADALOVE", "x@example.com"), ("other", "ADA@example.com")] * 8
    kinds = await kinds_of(app, people)
    assert set(kinds) <= {"RegisterSuccess", "UsernameTaken", "EmailTaken"}
    rows = await app.rows(ACCOUNTS)
    assert kinds["RegisterSuccess"] == len(rows)
    assert len({row["username"].casefold() for row in rows}) == len(rows)
    assert len({row["email"].casefold() for row in rows}) == len(rows)


async def test_compatibility_forms_of_an_address_are_one(app: Application) -> None:
    forms = ["ada@example.com", "\uff41da@example.com", "ADA@\uff45xample.com", "ada@EXAMPLE\uff0ecom"]
    people = [(f"ada{number}", form) for number, form in enumerate(forms * 4)]
    kinds = await kinds_of(app, people)
    assert kinds["RegisterSuccess"] == 1
    assert set(kinds) <= {"RegisterSuccess", "EmailTaken", "InvalidInput"}


async def test_every_loss_is_in_the_trail_and_one_mail_is_sent(app: Application) -> None:
    await kinds_of(app, [(cased("adalove", n), "ada@example.com") for n in range(16)])
    events = Counter(await app.events())
    assert events == {"account.registered": 1, "email.verification_sent": 1, "registration.refused": 15}
    await app.mail.wait_for("ada@example.com")
    assert len(await app.rows("SELECT * FROM outbox_mails")) == 1


async def test_one_of_sixteen_who_rename_themselves_alike_succeeds(app: Application) -> None:
    people = [await app.signed_up(f"user{number}") for number in range(16)]
    results = await together(
        *(update_profile(app, one.access, username=cased("adalove", n)) for n, one in enumerate(people))
    )
    kinds = Counter(result["__typename"] for result in results)
    assert kinds == {"UpdateProfileSuccess": 1, "UsernameTaken": 15}


@pytest.mark.parametrize("first", ["register", "prove"])
async def test_an_address_is_proved_by_one_or_registered_by_another(app: Application, first: str) -> None:
    eve = await app.signed_up("eve")
    await update_profile(app, eve.access, email="ada@example.com")
    token = await app.mail.token_for("ada@example.com")
    calls = [register(app, "ada", "ADA@example.com"), verify_email(app, token)]
    results = await together(*(calls if first == "register" else reversed(calls)))
    kinds = {result["__typename"] for result in results}
    assert kinds in ({"RegisterSuccess", "InvalidToken"}, {"EmailTaken", "VerifyEmailSuccess"})
    owners = [row for row in await app.rows(ACCOUNTS) if row["email"].casefold() == "ada@example.com"]
    assert len(owners) == 1
