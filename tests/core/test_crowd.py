"""Questions go to the database together, and never get an answer that is older than they are."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from support.app import together

from authgql.core.crowd import MOST, Crowd


class Book:
    """Answers with the page that is open when it is asked, once it may."""

    def __init__(self) -> None:
        self.asked: list[Sequence[int]] = []
        self.page = 0
        self.may = asyncio.Event()
        self.error: BaseException | None = None

    async def find(self, keys: Sequence[int]) -> Mapping[int, int]:
        self.asked.append(keys)
        page = self.page
        await self.may.wait()
        if self.error:
            raise self.error
        return {key: page for key in keys if key >= 0}


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_questions_of_one_moment_are_one() -> None:
    book = Book()
    book.may.set()
    crowd = Crowd(book.find, at_once=2)
    assert await together(*map(crowd.ask, [1, 2, -3, 2])) == [0, 0, None, 0]
    assert [sorted(keys) for keys in book.asked] == [[-3, 1, 2]]


async def test_who_asks_once_the_loop_has_read_what_came_in_comes_along() -> None:
    book = Book()
    book.may.set()
    crowd = Crowd(book.find, at_once=2)
    first = asyncio.create_task(crowd.ask(1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert await crowd.ask(2) == 0
    assert await first == 0
    assert [sorted(keys) for keys in book.asked] == [[1, 2]]


async def test_whoever_asks_later_is_answered_from_a_later_look() -> None:
    book = Book()
    crowd = Crowd(book.find, at_once=2)
    early = [asyncio.create_task(crowd.ask(key)) for key in range(2)]
    await settle()
    book.page = 1
    late = asyncio.create_task(crowd.ask(0))
    await settle()
    book.may.set()
    assert await asyncio.gather(*early) == [0, 0]
    assert await late == 1


async def test_only_so_many_are_under_way_and_only_so_many_keys_in_each() -> None:
    book = Book()
    crowd = Crowd(book.find, at_once=2)
    tasks = []
    for key in range(2 + 2):
        tasks.append(asyncio.create_task(crowd.ask(key)))
        await settle()
    tasks += [asyncio.create_task(crowd.ask(100 + key)) for key in range(2 * MOST)]
    await settle()
    assert len(book.asked) == 2
    book.may.set()
    await asyncio.gather(*tasks)
    assert max(map(len, book.asked)) == MOST
    assert sum(map(len, book.asked)) == len(tasks)


async def test_a_failure_is_everybodys_and_the_next_question_is_asked() -> None:
    book = Book()
    book.may.set()
    crowd = Crowd(book.find, at_once=2)
    book.error = ConnectionResetError()
    outcomes = await asyncio.gather(crowd.ask(1), crowd.ask(2), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConnectionResetError] * 2
    book.error = None
    assert await crowd.ask(1) == 0


@pytest.mark.parametrize("error", [None, ConnectionResetError()])
async def test_who_goes_away_takes_nobody_along(error: BaseException | None) -> None:
    book = Book()
    book.error = error
    crowd = Crowd(book.find, at_once=2)
    leaving, staying = asyncio.create_task(crowd.ask(1)), asyncio.create_task(crowd.ask(1))
    await settle()
    leaving.cancel()
    await settle()
    book.may.set()
    (outcome,) = await asyncio.gather(staying, return_exceptions=True)
    assert outcome == (error or 0)
    assert leaving.cancelled()
