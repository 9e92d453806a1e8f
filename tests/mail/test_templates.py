import html
import re

import pytest
from jinja2 import UndefinedError

from authgql.mail.templates import NAMES, WORD_JOINER, Rendered, Templates

CONTEXTS = {
    "verify_email": ("username", "link", "valid_for"),
    "verify_new_email": ("username", "link", "valid_for"),
    "reset_password": ("username", "link", "valid_for", "ip_address", "device"),
    "email_change_requested": ("username", "new_email", "at"),
    "password_changed": ("username", "at", "ip_address", "device"),
    "sessions_ended": ("username", "count", "at", "ip_address", "device"),
    "email_changed": ("username", "new_email", "at"),
    "username_changed": ("username", "old_username", "at"),
    "new_device": ("username", "device", "place", "ip_address", "at", "failures", "link", "valid_for"),
    "after_failures": ("username", "device", "place", "ip_address", "at", "failures", "link", "valid_for"),
    "password_disabled": ("username", "failures", "source", "at", "ip_address", "device"),
    "token_reused": ("username", "device", "at"),
    "account_deleted": ("username", "at"),
}
VALUES = {
    "username": "ada",
    "link": "https://auth.example.com/account/page#token=abc",
    "valid_for": "24 hours",
    "ip_address": "203.0.113.7",
    "device": "Firefox on Linux",
    "place": "Turin, Italy",
    "failures": "12",
    "count": "3 sessions",
    "old_username": "lovelace",
    "new_email": "ada@new.example",
    "at": "23 Nov 2026, 16:41 UTC",
    "source": "from browsers that have not signed in to it before",
}
HOSTILE = "<b>\"'{{7*7}}{% raw %}`</b>"

TEMPLATES = Templates(site="auth.example.com")  # compiled once, as in the server

every_mail = pytest.mark.parametrize("name", NAMES)


def written(name: str, **changed: str) -> Rendered:
    values = {key: VALUES[key] for key in CONTEXTS[name]}
    return TEMPLATES.render(name, values | changed)


def test_the_closed_table_is_what_the_callers_know() -> None:
    assert set(NAMES) == set(CONTEXTS)


@every_mail
def test_both_parts_carry_every_value(name: str) -> None:
    mail = written(name)
    for key in CONTEXTS[name]:
        assert VALUES[key] in mail.text
        assert VALUES[key] in html.unescape(mail.html)


@every_mail
@pytest.mark.parametrize("missing", sorted(VALUES))
def test_a_missing_value_is_an_error_and_not_a_hole(name: str, missing: str) -> None:
    values = {key: VALUES[key] for key in CONTEXTS[name] if key != missing}
    if missing not in CONTEXTS[name]:
        TEMPLATES.render(name, values)
        return
    with pytest.raises(UndefinedError):
        TEMPLATES.render(name, values)


@every_mail
def test_a_subject_is_one_plain_line_that_no_value_changes(name: str) -> None:
    usual = written(name).subject
    hostile = written(name, **dict.fromkeys(CONTEXTS[name], f"{HOSTILE}\r\nBcc: eve@example.com")).subject
    assert usual == hostile
    assert re.fullmatch(r"[A-Z][a-zA-Z -]{10,60}", usual)


def test_no_two_mails_share_a_subject() -> None:
    assert len({written(name).subject for name in NAMES}) == len(NAMES)


@every_mail
def test_what_users_typed_is_never_markup_nor_template(name: str) -> None:
    mail = written(name, **{key: HOSTILE for key in CONTEXTS[name] if key != "link"})
    assert "<b>" not in mail.html
    assert "&lt;b&gt;&#34;&#39;{{7*7}}{% raw %}`&lt;/b&gt;" in mail.html.replace(WORD_JOINER, "")
    assert HOSTILE in mail.text
    assert "49" not in mail.text


@every_mail
@pytest.mark.parametrize(
    "forgery", ["\r\n", "\n", "\u2028", "\u2029", "\u0085", "\v", "\u202e", "\x1b", "\x00"]
)
def test_no_value_forges_lines_or_turns_words_round(name: str, forgery: str) -> None:
    usual, forged = written(name), written(name, username=f"ada{forgery}Pay here")
    assert len(forged.text.splitlines()) == len(usual.text.splitlines())
    assert len(forged.html.splitlines()) == len(usual.html.splitlines())
    assert re.search("ada {1,2}Pay here", forged.text)


@every_mail
def test_a_username_that_looks_like_a_site_is_no_link(name: str) -> None:
    mail = written(name, username="www.evil.example")
    assert f"www.{WORD_JOINER}evil.{WORD_JOINER}example" in mail.html
    assert "www.evil.example" not in mail.html


@pytest.mark.parametrize(
    "name", ["verify_email", "verify_new_email", "reset_password", "new_device", "after_failures"]
)
def test_the_link_is_a_button_and_readable_text(name: str) -> None:
    mail = written(name, link="https://auth.example.com/account/page#token=a&b")
    assert mail.html.count('href="https://auth.example.com/account/page#token=a&amp;b"') == 2
    assert ">https://auth.example.com/account/page#token=a&amp;b</a>" in mail.html
    assert "\nhttps://auth.example.com/account/page#token=a&b\n" in mail.text


@every_mail
def test_nothing_in_a_mail_is_loaded_from_elsewhere_or_runs(name: str) -> None:
    page = written(name).html
    assert not re.search(r"<(img|script|link|iframe|object|form|base)\b|url\(|@import|\bon\w+=|src=", page)
    assert set(re.findall(r"https?://[^\s\"<]+", page)) <= {VALUES["link"]}


@every_mail
def test_a_mail_knows_light_and_dark(name: str) -> None:
    page = written(name).html
    assert '<meta name="color-scheme" content="light dark">' in page
    assert "@media (prefers-color-scheme: dark)" in page
    assert page.startswith("<!doctype html>\n")


@every_mail
def test_the_plain_text_fits_an_old_terminal(name: str) -> None:
    text = written(name).text
    assert all(len(line) <= 72 for line in text.splitlines())
    assert "\n\n\n" not in text
    assert text.endswith("automatically by auth.example.com.\n")


def test_without_a_site_no_mail_names_one() -> None:
    mail = Templates().render("account_deleted", VALUES)
    assert mail.text.endswith("This mail was sent automatically.\n")
    assert "automatically by" not in mail.html


@pytest.mark.parametrize("name", ["", "layout", "parts", "../templates/layout", "verify_email.txt"])
def test_only_the_known_names_are_templates(name: str) -> None:
    with pytest.raises(KeyError):
        TEMPLATES.render(name, VALUES)
