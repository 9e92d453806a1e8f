import unicodedata
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authgql.accounts.identifiers import (
    EmailAddress,
    NotAcceptable,
    Username,
    fold,
    login_key,
    personal_name,
)

CHARSET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"


@given(st.text(CHARSET, min_size=3, max_size=64))
def test_three_to_sixty_four_of_the_charset_are_a_username(value: str) -> None:
    assert Username.of(value).given == value


@pytest.mark.parametrize("character", [chr(code) for code in range(256) if chr(code) not in CHARSET])
def test_every_other_character_of_latin_1_is_refused_wherever_it_stands(character: str) -> None:
    for value in (f"{character}ada", f"a{character}da", f"ada{character}"):
        with pytest.raises(NotAcceptable):
            Username.of(value)


@pytest.mark.parametrize(
    "value", ["", "ab", "a" * 65, "\u0430da", "\uff41da", "ad\u0131", "ada\u200b", "\u0661\u0662\u0663"]
)
def test_look_alikes_and_other_lengths_are_no_usernames(value: str) -> None:
    with pytest.raises(NotAcceptable):
        Username.of(value)


@given(st.text(CHARSET, min_size=3, max_size=64))
def test_usernames_are_compared_without_case(value: str) -> None:
    assert Username.of(value.upper()).key == Username.of(value.lower()).key


@pytest.mark.parametrize(
    "value",
    [
        "ada@example.com",
        "Ada.King+tag@Sub.Example.com",
        "o'neil@example.com",
        "jörg@exämple.de",
        "日本@例え.jp",
        "😀@example.com",
        "a" * 64 + "@example.com",
    ],
)
def test_an_address_keeps_the_spelling_given(value: str) -> None:
    assert EmailAddress.of(value).given == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@localhost",
        "ada@[127.0.0.1]",
        " ada@example.com",
        "ada@example.com ",
        "ada@example.com\n",
        "ada@exa mple.com",
        '"a da"@example.com',
        "Ada <ada@example.com>",
        "ada@example.com,eve@example.com",
        "ada\r\nBcc: eve@example.com@example.com",
        "ada\0@example.com",
        "\ud800@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@" + ".".join(["a" * 60] * 5) + ".com",
    ],
)
def test_what_is_no_address_is_not_acceptable(value: str) -> None:
    with pytest.raises(NotAcceptable, match=r"such as ada@example\.com"):
        EmailAddress.of(value)


def test_an_address_that_grows_too_long_when_folded_is_not_acceptable() -> None:
    with pytest.raises(NotAcceptable, match="shorter"):
        EmailAddress.of("\ufdfa" * 20 + "@example.com")


@pytest.mark.parametrize("value", ["=?utf-8?q?eve?=@example.com", "=?utf-8?b?ZXZlQGV2aWwub3Jn?=@example.com"])
def test_an_address_that_a_mail_program_would_decode_to_another_is_not_acceptable(value: str) -> None:
    message = EmailMessage()
    message["To"] = value
    assert message["To"] != value
    with pytest.raises(NotAcceptable):
        EmailAddress.of(value)


@given(st.text("!#$%&'*+/=?^_`{|}~-.abé", min_size=1, max_size=12))
def test_a_mail_goes_to_the_very_address_that_was_checked(local: str) -> None:
    try:
        address = EmailAddress.of(f"{local}@example.com").given
    except NotAcceptable:
        return
    message = EmailMessage()
    message["To"] = address
    assert [str(each.addr_spec) for each in message["To"].addresses] == [address]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ADA@EXAMPLE.COM"),
        ("ada@example.com", "\uff41da@example.com"),
        ("ada@example.com", "ada@\u24d4xample.com"),
        ("ada@example.com", "ada@e\ufe0fxample.com"),
        ("ada@ex.ample.com", "ada@ex\u3002ample.com"),
        ("ada@exämple.de", "ada@xn--exmple-cua.de"),
        ("jos\u00e9@example.com", "jose\u0301@example.com"),
        ("straße@example.com", "STRASSE@example.com"),
        ("ﬁnn@example.com", "finn@example.com"),
        ("ΣΊΣΥΦΟΣ@example.com", "σίσυφος@example.com"),
    ],
)
def test_spellings_of_one_address_have_one_key(one: str, other: str) -> None:
    assert EmailAddress.of(one).key == EmailAddress.of(other).key
    assert login_key(one) == login_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.com", "ada@example.org"),
        ("ada@example.com", "a.da@example.com"),
        ("ada@example.com", "ada+x@example.com"),
        ("ada@example.com", "\u0430da@example.com"),
    ],
)
def test_different_addresses_have_different_keys(one: str, other: str) -> None:
    assert EmailAddress.of(one).key != EmailAddress.of(other).key


@pytest.mark.parametrize("login", ["Ada", "not@an@address", "", "=?@", "a" * 254])
def test_a_login_that_is_no_address_is_folded(login: str) -> None:
    assert login_key(login) == fold(login)


@given(st.text())
def test_folding_twice_is_folding_once(value: str) -> None:
    assert fold(fold(value)) == fold(value)


@pytest.mark.parametrize("same", [str.upper, str.casefold, lambda text: unicodedata.normalize("NFKD", text)])
@given(st.text(st.characters(codec="ascii")))
def test_case_and_composition_do_not_tell_keys_apart(same: Callable[[str], str], value: str) -> None:
    assert fold(same(value)) == fold(value)


@pytest.mark.parametrize("value", ["Ada", "李", "O'Neil <b>", "Émile\u0301", "x" * 100])
def test_a_name_is_kept_as_given(value: str) -> None:
    assert personal_name(value) == value


@pytest.mark.parametrize("value", ["", " ", "\u3000"])
def test_an_empty_name_is_none(value: str) -> None:
    assert personal_name(value) is None


def test_a_name_is_trimmed() -> None:
    assert personal_name(" Ada \u3000") == "Ada"


@pytest.mark.parametrize(
    "value", ["a\0b", "a\nb", "a\x1b[31mb", "a\u2028b", "a\u2029b", "a\ud800b", "x" * 101]
)
def test_a_name_with_control_characters_or_too_long_is_not_acceptable(value: str) -> None:
    with pytest.raises(NotAcceptable):
        personal_name(value)
