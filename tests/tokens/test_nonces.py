"""A DPoP nonce is good for five to ten minutes, and only if this server made it."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.app import SECRET, ManualClock

from authgql.core.clock import Clock
from authgql.core.sealing import Sealer
from authgql.tokens.nonces import WINDOW_SECONDS, BadNonce, Nonces


@pytest.fixture
def nonces(clock: ManualClock) -> Nonces:
    return Nonces(clock=clock, sealer=Sealer([SECRET]))


@pytest.fixture
def at_window_start(clock: ManualClock) -> None:
    clock.advance(WINDOW_SECONDS - clock.now().timestamp() % WINDOW_SECONDS)


@pytest.mark.usefixtures("at_window_start")
def test_a_nonce_is_good_until_the_end_of_the_next_window(nonces: Nonces, clock: ManualClock) -> None:
    nonce = nonces.current()
    clock.advance(2 * WINDOW_SECONDS - 1)
    nonces.verify(nonce)
    clock.advance(1)
    with pytest.raises(BadNonce):
        nonces.verify(nonce)


@pytest.mark.usefixtures("at_window_start")
def test_a_nonce_of_the_last_moment_of_a_window_is_good_for_five_minutes(
    nonces: Nonces, clock: ManualClock
) -> None:
    clock.advance(WINDOW_SECONDS - 1)
    nonce = nonces.current()
    clock.advance(WINDOW_SECONDS)
    nonces.verify(nonce)
    clock.advance(1)
    with pytest.raises(BadNonce):
        nonces.verify(nonce)


def test_a_nonce_from_the_future_is_refused(nonces: Nonces, clock: ManualClock) -> None:
    clock.advance(WINDOW_SECONDS)
    nonce = nonces.current()
    clock.advance(-WINDOW_SECONDS)
    with pytest.raises(BadNonce):
        nonces.verify(nonce)


def test_every_node_with_the_same_secrets_takes_the_nonce(nonces: Nonces, clock: ManualClock) -> None:
    newer = Sealer(["a-newer-secret-that-only-the-tests-know-0123", SECRET])
    Nonces(clock=clock, sealer=newer).verify(nonces.current())


def test_a_nonce_under_other_secrets_is_refused(nonces: Nonces, clock: ManualClock) -> None:
    other = Nonces(clock=clock, sealer=Sealer(["another-secret-that-only-the-tests-know-0123"]))
    with pytest.raises(BadNonce):
        nonces.verify(other.current())


def test_a_signature_for_another_purpose_makes_no_nonce(nonces: Nonces) -> None:
    number = urlsafe_b64decode(nonces.current())[:8]
    signature = Sealer([SECRET]).sign(number, purpose="cursor/sessions")
    with pytest.raises(BadNonce):
        nonces.verify(urlsafe_b64encode(number + signature).decode())


@given(st.one_of(st.none(), st.integers(), st.text(), st.from_regex(r"\A[A-Za-z0-9_-]{32}\Z")))
def test_nothing_else_is_a_nonce(nonce: object) -> None:
    class Standing(Clock):
        def now(self) -> datetime:
            return datetime(2026, 3, 5, tzinfo=UTC)

    with pytest.raises(BadNonce):
        Nonces(clock=Standing(), sealer=Sealer([SECRET])).verify(nonce)
