from datetime import timedelta
from uuid import UUID

import pytest
from support.accounts import delete_account
from support.app import Application, together

from authgql.core.secrets import fingerprint
from authgql.links.models import OneTimeLink
from authgql.links.service import Link, Links, Purpose

ADA = "ada@example.com"
BOTH = pytest.mark.parametrize("purpose", Purpose)
HOUR = timedelta(hours=1)


@pytest.fixture
def links(app: Application) -> Links:
    return Links(
        clock=app.clock,
        public_url="https://id.example.com",
        lifetimes={
            Purpose.VERIFY_EMAIL: timedelta(days=1),
            Purpose.RESET_PASSWORD: HOUR,
            Purpose.DISAVOW_SESSION: timedelta(days=30),
        },
    )


@pytest.fixture
async def ada(app: Application) -> UUID:
    account_id = UUID((await app.register())["id"])
    await OneTimeLink.all().delete()
    return account_id


async def issue(links: Links, purpose: Purpose, account_id: UUID, email: str = ADA) -> str:
    url, _ = await links.issue(purpose, account_id=account_id, email=email)
    return url.partition("#token=")[2]


async def found(links: Links, purpose: Purpose, token: str) -> Link:
    link = await links.find(purpose, token)
    assert link is not None
    return link


@pytest.mark.parametrize(
    ("purpose", "page"),
    [
        (Purpose.VERIFY_EMAIL, "https://id.example.com/account/verify-email"),
        (Purpose.RESET_PASSWORD, "https://id.example.com/account/reset-password"),
        (Purpose.DISAVOW_SESSION, "https://id.example.com/account/disavow"),
    ],
)
async def test_a_links_token_stands_in_the_fragment(
    links: Links, ada: UUID, purpose: Purpose, page: str
) -> None:
    url, _ = await links.issue(purpose, account_id=ada, email=ADA)
    before, _, token = url.partition("#token=")
    assert before == page
    assert token.startswith("agl_")
    assert len(token) == len("agl_") + 43


@BOTH
async def test_a_link_is_found_with_whose_it_is_and_where_it_went(
    app: Application, links: Links, ada: UUID, purpose: Purpose
) -> None:
    link = await found(links, purpose, await issue(links, purpose, ada))
    assert (link.account_id, link.target_id, link.email) == (ada, ada, ADA)
    assert link.expires_at == app.clock.now() + links.lifetime(purpose)


async def test_only_a_links_hash_is_stored(links: Links, ada: UUID) -> None:
    token = await issue(links, Purpose.VERIFY_EMAIL, ada)
    (row,) = await OneTimeLink.all().values()
    assert row["token_hash"] == fingerprint(token)
    assert token not in str(row)


@BOTH
async def test_a_link_is_good_for_one_purpose_alone(links: Links, ada: UUID, purpose: Purpose) -> None:
    token = await issue(links, purpose, ada)
    for other in set(Purpose) - {purpose}:
        assert await links.find(other, token) is None


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "{token}A",
        " {token}",
        "{token}\n",
        "{token}\0",
        "{body}",
        "agr_{body}",
        "AGL_{body}",
        "agl_{short}",
        "agl_{short}=",
        "agl_{swapped}",
        "{hash}",
        "agl_" + "\uff21" * 43,
        "agl_" + "\0" * 43,
        "agl_" + "\ud800" * 43,
        "agl_" + "A" * 100_000,
    ],
)
async def test_anything_but_the_very_token_is_nothing(links: Links, ada: UUID, wrong: str) -> None:
    token = await issue(links, Purpose.RESET_PASSWORD, ada)
    body = token.removeprefix("agl_")
    parts = {"token": token, "body": body, "short": body[:-1], "swapped": body.swapcase()}
    given = wrong.format(**parts, hash=fingerprint(token))
    assert await links.find(Purpose.RESET_PASSWORD, given) is None


@BOTH
async def test_a_link_works_until_the_moment_it_expires(
    app: Application, links: Links, ada: UUID, purpose: Purpose
) -> None:
    token = await issue(links, purpose, ada)
    link = await found(links, purpose, token)
    app.clock.advance(links.lifetime(purpose).total_seconds() - 1)
    assert await links.find(purpose, token) == link
    app.clock.advance(1)
    assert await links.find(purpose, token) is None
    assert await links.spend(link, token) is False


@BOTH
async def test_a_newer_link_takes_the_older_ones_place(links: Links, ada: UUID, purpose: Purpose) -> None:
    older = await issue(links, purpose, ada)
    link = await found(links, purpose, older)
    newer = await issue(links, purpose, ada, email="new@example.com")
    assert await links.find(purpose, older) is None
    assert await links.spend(link, older) is False
    assert (await found(links, purpose, newer)).email == "new@example.com"
    assert await OneTimeLink.all().count() == 1


async def test_a_new_link_works_after_one_was_spent(links: Links, ada: UUID) -> None:
    older = await issue(links, Purpose.RESET_PASSWORD, ada)
    assert await links.spend(await found(links, Purpose.RESET_PASSWORD, older), older)
    newer = await issue(links, Purpose.RESET_PASSWORD, ada)
    assert await links.spend(await found(links, Purpose.RESET_PASSWORD, newer), newer)


@BOTH
async def test_of_sixteen_that_spend_a_link_at_once_one_succeeds(
    links: Links, ada: UUID, purpose: Purpose
) -> None:
    token = await issue(links, purpose, ada)
    link = await found(links, purpose, token)
    assert sorted(await together(*(links.spend(link, token) for _ in range(16)))) == [False] * 15 + [True]
    assert await links.find(purpose, token) is None


@BOTH
async def test_of_sixteen_links_issued_at_once_one_lives(links: Links, ada: UUID, purpose: Purpose) -> None:
    tokens = await together(*(issue(links, purpose, ada) for _ in range(16)))
    living = [token for token in tokens if await links.find(purpose, token)]
    assert len(living) == 1


async def test_revoking_ends_one_accounts_links_for_the_purposes_named(
    app: Application, links: Links, ada: UUID
) -> None:
    eve = UUID((await app.register("eve"))["id"])
    await OneTimeLink.all().delete()
    adas = {purpose: await issue(links, purpose, ada) for purpose in Purpose}
    eves = await issue(links, Purpose.RESET_PASSWORD, eve, "eve@example.com")
    await links.revoke(Purpose.RESET_PASSWORD, account_id=ada)
    assert await links.find(Purpose.RESET_PASSWORD, adas[Purpose.RESET_PASSWORD]) is None
    assert await links.find(Purpose.VERIFY_EMAIL, adas[Purpose.VERIFY_EMAIL]) is not None
    assert await links.find(Purpose.RESET_PASSWORD, eves) is not None
    await links.revoke(*Purpose, account_id=ada)
    assert await links.find(Purpose.VERIFY_EMAIL, adas[Purpose.VERIFY_EMAIL]) is None


async def test_an_erased_accounts_links_go_with_it(app: Application) -> None:
    ada = await app.signed_up()
    assert await OneTimeLink.all().count() == 1
    await delete_account(app, ada.access)
    assert await OneTimeLink.all().count() == 0


async def test_each_session_may_have_a_link_of_its_own(links: Links, ada: UUID) -> None:
    urls = [
        (await links.issue(Purpose.DISAVOW_SESSION, account_id=ada, email=ADA, target_id=target))[0]
        for target in (UUID(int=1), UUID(int=2))
    ]
    seen = [await found(links, Purpose.DISAVOW_SESSION, url.partition("#token=")[2]) for url in urls]
    assert [link.target_id for link in seen] == [UUID(int=1), UUID(int=2)]


async def test_links_too_old_to_work_are_forgotten_and_younger_ones_kept(
    app: Application, links: Links, ada: UUID
) -> None:
    await issue(links, Purpose.RESET_PASSWORD, ada)
    app.clock.advance(3_600)
    token = await issue(links, Purpose.VERIFY_EMAIL, ada)
    await links.forget_expired(account_id=ada)
    assert [row["token_hash"] for row in await OneTimeLink.all().values()] == [fingerprint(token)]
