import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authgql.passwords.errors import WeakPassword
from authgql.passwords.policy import MAX_LENGTH, PasswordPolicy

POLICY = PasswordPolicy(min_length=8, context_words=("authgql",))
LOVELACE = ["lovelace", "ada.lovelace@example.com", "Ada", "King-Noel", "李"]


def advice(password: str, personal: list[str] = LOVELACE) -> WeakPassword:
    with pytest.raises(WeakPassword) as refused:
        POLICY.check(password, personal=personal)
    return refused.value


@pytest.mark.parametrize(
    "password",
    [
        "violet-harbour-umbrella-27",
        "correct horse battery staple",
        "aq9Zr4Lw",
        "пароль-из-четырёх-слов",
        "正しい馬電池ホチキス留め",
        "😀🎉🚀🌈🍕🐙🎈🪐",
        "my lovelace likes the sea",
        " violet harbour ",
    ],
)
def test_what_is_hard_to_guess_is_taken_whatever_it_consists_of(password: str) -> None:
    POLICY.check(password, personal=LOVELACE)


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "Password1",
        "12345678",
        "qwertyuiop",
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabc",
        "19870412",
        "iloveyou",
    ],
)
def test_what_everybody_chooses_is_refused_with_a_reason_and_advice(password: str) -> None:
    refusal = advice(password)
    assert refusal.message.endswith((".", "!"))
    assert refusal.suggestions


@pytest.mark.parametrize(
    "password",
    [
        "lovelace",
        "LoveLace!!1815",
        "--lovelace--",
        "ada.lovelace@example.com",
        "example99",
        "authgql2026",
        "1Authgql1",
        "king-noel-1835",
        "ADA-93,7205!46",
        "李93720546!?71",
    ],
)
def test_ones_own_words_and_the_services_with_padding_are_refused(password: str) -> None:
    assert "own name" in advice(password).message or advice(password).suggestions


@pytest.mark.parametrize("password", ["", "x", "aq9Zr4L", "\u00e9\u00df7Qz!k", "e\u0301" * 7])
def test_seven_characters_are_too_few_however_they_are_composed(password: str) -> None:
    assert advice(password).message == "Use at least 8 characters."


def test_the_longest_is_measured_composed_too() -> None:
    long = ("violet-harbour-umbrella-" * 20)[: MAX_LENGTH - 1]
    POLICY.check(f"{long}e\u0301", personal=[])
    assert advice(f"{long}e\u0301!").message == "Use at most 256 characters."


def test_a_nul_character_is_refused() -> None:
    assert advice("violet-harbour\0umbrella").message == "Leave out the NUL character."


def test_the_operator_sets_the_least_length() -> None:
    with pytest.raises(WeakPassword, match="at least 15"):
        PasswordPolicy(min_length=15, context_words=()).check("aq9Zr4Lw!mXe", personal=[])


def test_the_operators_own_words_count() -> None:
    policy = PasswordPolicy(min_length=8, context_words=("Quillwort Industries",))
    with pytest.raises(WeakPassword):
        policy.check("quillwort-2026", personal=[])


@settings(deadline=None)
@given(st.text(max_size=300), st.lists(st.text(max_size=100), max_size=4))
def test_any_text_gets_a_verdict(password: str, personal: list[str]) -> None:
    try:
        POLICY.check(password, personal=personal)
    except WeakPassword as refusal:
        assert refusal.message  # noqa: PT017 -- either verdict is right, silence is not
