"""Evidence once a minute, in memory that a flood cannot fill."""

from support.app import ManualClock

from authgql.audit.once import OnceAMinute


def test_a_flood_from_everywhere_is_so_many_rows_a_minute_and_no_more(clock: ManualClock) -> None:
    once = OnceAMinute(clock=clock, capacity=3)
    assert [once.is_due(key) for key in range(5)] == [True, True, True, False, False]
    clock.advance(60)
    assert [once.is_due(key) for key in range(5)] == [True, True, True, False, False]


def test_a_minute_counts_from_what_was_put_on_record(clock: ManualClock) -> None:
    once = OnceAMinute(clock=clock)
    assert once.is_due("a")
    clock.advance(59)
    assert not once.is_due("a")
    clock.advance(1)
    assert once.is_due("a")


def test_a_clock_that_is_set_back_silences_nobody(clock: ManualClock) -> None:
    once = OnceAMinute(clock=clock)
    assert once.is_due("a")
    clock.advance(-3_600)
    assert once.is_due("a")
