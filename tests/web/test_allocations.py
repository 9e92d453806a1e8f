"""What a request of every day may ask of the memory, so that no change makes it dear unseen."""

import gc
import logging
import tracemalloc

import pytest
from coverage import Coverage
from support.app import Application
from support.dialects import no_database
from support.documents import ME

REQUESTS = 50
PEAK = 23_000  # bytes at once, for one request and for the test's own client; 19,800 when this was written
TRACED = 9_000  # bytes more where coverage is measured, which remembers what ran
KEPT = 1_000  # bytes that stay for each; 500, the client's and the interpreter's, when this was written


@no_database
async def test_a_known_document_of_a_known_caller_asks_for_little_and_keeps_nothing(
    app: Application, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="httpx2")  # pytest would keep the client's lines
    ada = await app.signed_up()
    tracemalloc.start()
    try:
        await peaks(app, ada.access)  # fills what is filled once
        before = kept()
        highest = min(await peaks(app, ada.access))
        after = kept()
    finally:
        tracemalloc.stop()
    assert (after - before) / REQUESTS < KEPT
    assert highest < PEAK + (TRACED if Coverage.current() else 0)


async def peaks(app: Application, token: str) -> list[int]:
    """Return the most bytes that each of some requests had at once."""
    found = []
    for _ in range(REQUESTS):
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        await app.gql(ME, token=token)
        found.append(tracemalloc.get_traced_memory()[1] - before)
    return found


def kept() -> int:
    """Return the bytes that are in use once the garbage is gone."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
