"""A link in a mail leads to this server, whatever the request that caused it says (host header poisoning)."""

import re

import pytest
from support.accounts import REQUEST_RESET, UPDATE_PROFILE
from support.app import PASSWORD, Application
from support.documents import REGISTER
from support.mail import text_of

FORGED = [
    {"host": "evil.example.com"},
    {"x-forwarded-host": "evil.example.com"},
    {"forwarded": "host=evil.example.com;proto=http"},
    {"x-forwarded-proto": "http", "x-forwarded-port": "81", "x-forwarded-prefix": "/evil"},
    {"host": "id.example.com@evil.example.com"},
    {
        "x-original-url": "https://evil.example.com/",
        "x-rewrite-url": "/evil",
        "origin": "https://evil.example.com",
    },
]


@pytest.mark.parametrize("headers", FORGED, ids=lambda headers: next(iter(headers)))
async def test_no_header_changes_a_mailed_link(app: Application, headers: dict[str, str]) -> None:
    given = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    await app.gql(REGISTER, {"input": given}, headers=headers)
    ada = await app.login()
    await app.gql(REQUEST_RESET, {"email": "ada@example.com"}, headers=headers)
    change = {"input": {"email": "ada@new.example.com"}}
    await app.gql(UPDATE_PROFILE, change, token=ada.access, headers=headers)
    await app.mail.wait_for("ada@example.com", 3)
    await app.mail.wait_for("ada@new.example.com")
    links = [link for mail in app.mail.received for link in re.findall(r"\S+://\S+", text_of(mail))]
    assert len(links) == 3
    assert all(link.startswith("https://id.example.com/account/") for link in links)
    assert not [mail for mail in app.mail.received if "evil" in text_of(mail)]
