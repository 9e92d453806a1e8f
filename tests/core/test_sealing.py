import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authgql.core.sealing import CannotOpen, Sealer

OLD, NEW = "an-older-secret-of-thirty-two-characters", "a-newer-secret-of-thirty-two-characters"
PLACE = "signing-key:1"
SEALER = Sealer([NEW])


@given(st.text())
def test_what_is_sealed_opens_in_its_place(text: str) -> None:
    assert SEALER.open(SEALER.seal(text, place=PLACE), place=PLACE) == text


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    one, other = (SEALER.seal("a secret", place=PLACE) for _ in range(2))
    assert one != other
    assert b"a secret" not in base64.urlsafe_b64decode(one)


@pytest.mark.parametrize("place", ["signing-key:2", "", "signing-key:1 "])
def test_what_is_moved_elsewhere_does_not_open(place: str) -> None:
    with pytest.raises(CannotOpen):
        SEALER.open(SEALER.seal("a secret", place=PLACE), place=place)


def test_what_is_altered_anywhere_does_not_open() -> None:
    sealed = base64.urlsafe_b64decode(SEALER.seal("a secret", place=PLACE))
    for position in range(len(sealed)):
        altered = bytearray(sealed)
        altered[position] ^= 1
        with pytest.raises(CannotOpen):
            SEALER.open(base64.urlsafe_b64encode(altered).decode(), place=PLACE)


@pytest.mark.parametrize("length", [0, 3, 4, 10, 16, 31])
def test_what_is_cut_short_does_not_open(length: int) -> None:
    sealed = base64.urlsafe_b64decode(SEALER.seal("a secret", place=PLACE))
    with pytest.raises(CannotOpen):
        SEALER.open(base64.urlsafe_b64encode(sealed[:length]).decode(), place=PLACE)


@pytest.mark.parametrize("other", ["", "x", "not sealed at all", "\N{SNOWMAN}"])
def test_what_was_never_sealed_does_not_open(other: str) -> None:
    with pytest.raises(CannotOpen):
        SEALER.open(other, place=PLACE)


def test_older_secrets_open_and_verify_and_the_newest_seals_and_signs() -> None:
    old, new, both = Sealer([OLD]), Sealer([NEW]), Sealer([NEW, OLD])
    assert both.open(old.seal("a secret", place=PLACE), place=PLACE) == "a secret"
    assert new.open(both.seal("a secret", place=PLACE), place=PLACE) == "a secret"
    assert both.is_signed(b"message", old.sign(b"message", purpose="p"), purpose="p")
    assert new.is_signed(b"message", both.sign(b"message", purpose="p"), purpose="p")


def test_without_its_secret_nothing_opens_and_nothing_is_signed() -> None:
    with pytest.raises(CannotOpen, match="not among the secrets"):
        SEALER.open(Sealer([OLD]).seal("a secret", place=PLACE), place=PLACE)
    assert not SEALER.is_signed(b"message", Sealer([OLD]).sign(b"message", purpose="p"), purpose="p")


@pytest.mark.parametrize(
    ("message", "purpose"), [(b"massage", "cursor"), (b"message", "cursors"), (b"", "cursor\0message")]
)
def test_a_signature_is_for_one_message_and_one_purpose(message: bytes, purpose: str) -> None:
    signature = SEALER.sign(b"message", purpose="cursor")
    assert len(signature) == 16
    assert SEALER.is_signed(b"message", signature, purpose="cursor")
    assert not SEALER.is_signed(message, signature, purpose=purpose)


@pytest.mark.parametrize("signature", [b"", b"\0" * 16, b"x" * 100])
def test_a_forged_signature_is_none(signature: bytes) -> None:
    assert not SEALER.is_signed(b"message", signature, purpose="cursor")
