from datetime import UTC, datetime, timedelta

import pytest

from authgql.core.words import moment, span


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=30), "30 days"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=1), "24 hours"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(hours=1), "60 minutes"),
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(minutes=1), "60 seconds"),
        (timedelta(seconds=90), "90 seconds"),
        (timedelta(seconds=7201), "7201 seconds"),
    ],
)
def test_a_span_is_said_in_the_largest_unit_that_fits_it_whole(length: timedelta, words: str) -> None:
    assert span(length) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (datetime(2026, 3, 5, 14, 7, 59, tzinfo=UTC), "5 March 2026, 14:07 UTC"),
        (datetime(2026, 11, 23, 0, 0, tzinfo=UTC), "23 November 2026, 00:00 UTC"),
    ],
)
def test_a_moment_is_said_as_people_write_it(at: datetime, words: str) -> None:
    assert moment(at) == words
