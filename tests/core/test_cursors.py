from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authgql.core.cursors import MAX_PAGE, Cursors, Slice
from authgql.core.errors import BadUserInput
from authgql.core.sealing import Sealer

OWNER = UUID("01a2094c-fde5-77f5-acbf-4e73a008931c")
ROWS = [UUID(int=number) for number in (9, 7, 5, 3, 1)]
SEALER = Sealer(["a secret of at least thirty-two characters"])
CURSORS = Cursors(sealer=SEALER, purpose="sessions")


def cursor_of(row: UUID, *, owner: UUID = OWNER, cursors: Cursors = CURSORS) -> str:
    page = cursors.page([row], wanted=Slice(limit=1, before=None), owner=owner, key=lambda row: row)
    return page.cursors[0]


def test_a_cursor_leads_to_the_rows_older_than_its_own() -> None:
    assert CURSORS.slice(first=2, after=cursor_of(ROWS[1]), owner=OWNER) == Slice(limit=2, before=ROWS[1])


def test_a_page_shows_no_more_than_asked_and_knows_that_there_are_more() -> None:
    wanted = CURSORS.slice(first=4, after=None, owner=OWNER)
    page = CURSORS.page(ROWS, wanted=wanted, owner=OWNER, key=lambda row: row)
    assert (list(page.rows), len(page.cursors), page.has_next, page.has_previous) == (
        ROWS[:4],
        4,
        True,
        False,
    )


def test_a_page_of_all_there_is_has_no_next() -> None:
    wanted = CURSORS.slice(first=5, after=cursor_of(UUID(int=10)), owner=OWNER)
    page = CURSORS.page(ROWS, wanted=wanted, owner=OWNER, key=lambda row: row)
    assert (len(page.rows), page.has_next, page.has_previous) == (5, False, True)


@pytest.mark.parametrize("first", [-1, 0, MAX_PAGE + 1])
def test_a_page_has_one_to_a_hundred_rows(first: int) -> None:
    with pytest.raises(BadUserInput, match="from 1 to 100"):
        CURSORS.slice(first=first, after=None, owner=OWNER)


def test_a_cursor_is_worthless_to_another_owner_in_another_list_and_under_another_secret() -> None:
    others = [
        cursor_of(ROWS[0], owner=uuid4()),
        cursor_of(ROWS[0], cursors=Cursors(sealer=SEALER, purpose="security-log")),
        cursor_of(
            ROWS[0],
            cursors=Cursors(sealer=Sealer(["another secret, just as long as the one"]), purpose="sessions"),
        ),
    ]
    for cursor in others:
        with pytest.raises(BadUserInput):
            CURSORS.slice(first=1, after=cursor, owner=OWNER)


def test_a_cursor_outlives_the_secrets_rotation() -> None:
    rotated = Sealer(["a newer secret of at least thirty-two", "a secret of at least thirty-two characters"])
    read = Cursors(sealer=rotated, purpose="sessions").slice(first=1, after=cursor_of(ROWS[0]), owner=OWNER)
    assert read.before == ROWS[0]


@pytest.mark.parametrize("filling", ["!", "\n", " ", "====", "é"])
def test_a_cursor_has_one_spelling(filling: str) -> None:
    cursor = cursor_of(ROWS[0])
    for spelling in (cursor + filling, filling + cursor, cursor[:9] + filling + cursor[9:]):
        with pytest.raises(BadUserInput):
            CURSORS.slice(first=1, after=spelling, owner=OWNER)


@given(st.text())
def test_any_text_that_this_server_did_not_write_is_bad_input(text: str) -> None:
    with pytest.raises(BadUserInput):
        CURSORS.slice(first=1, after=text, owner=OWNER)
