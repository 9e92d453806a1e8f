from datetime import UTC, datetime, timedelta

from authgql.sessions.models import Session
from authgql.sessions.state import Ending, SessionEndReason, ending, timeout_reason

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


def session(
    *, expires_at: datetime, absolute: datetime = NOW + timedelta(days=1), **columns: object
) -> Session:
    return Session(expires_at=expires_at, absolute_expires_at=absolute, **columns)


def test_before_its_timeout_a_session_is_active() -> None:
    assert ending(session(expires_at=LATER), NOW) is None


def test_a_timeout_ends_a_session_at_the_very_moment_it_falls() -> None:
    assert ending(session(expires_at=NOW), NOW) == Ending(NOW, SessionEndReason.IDLE)


def test_the_end_is_the_moment_of_the_timeout_not_of_its_discovery() -> None:
    assert ending(session(expires_at=NOW, absolute=NOW), LATER) == Ending(NOW, SessionEndReason.EXPIRED)


def test_a_recorded_end_counts_whatever_the_timeouts_say() -> None:
    logged_out = session(expires_at=NOW, logged_out_at=LATER, end_reason="LOGGED_OUT")
    assert ending(logged_out, LATER) == Ending(LATER, SessionEndReason.LOGGED_OUT)


def test_where_both_timeouts_fall_together_it_is_the_longest_life_that_is_over() -> None:
    assert timeout_reason(session(expires_at=NOW, absolute=NOW)) is SessionEndReason.EXPIRED
    assert timeout_reason(session(expires_at=NOW, absolute=LATER)) is SessionEndReason.IDLE


def test_every_reason_is_said_in_words_of_its_own() -> None:
    assert len({reason.value for reason in SessionEndReason}) == len(SessionEndReason) == 12
