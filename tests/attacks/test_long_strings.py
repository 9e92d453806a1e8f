"""No string is so long or so odd that reading it takes more than its length (ASVS 1.3.12)."""

import time
from collections.abc import Iterator

import pytest
from support.accounts import inspect_reset, request_reset, verify_email
from support.app import PASSWORD, Application
from support.dialects import no_database
from support.documents import LOGIN, ME, REGISTER, SESSIONS

LENGTH = 60_000  # as much as a request holds
ODD = {
    "letters": "a" * LENGTH,
    "white space": " " * LENGTH,
    "white space and a letter": " " * (LENGTH - 1) + "x",
    "dots": "." * LENGTH,
    "at signs": "@" * LENGTH,
    "an address of many labels": "a@" + "a." * (LENGTH // 2),
    "an address of many words": "a." * (LENGTH // 2) + "@example.com",
    "a quoted address": '"' + "\\a" * (LENGTH // 4) + '"@example.com',
    "dashes": "-" * LENGTH,
    "digits": "1" * LENGTH,
    "base64url": "A" * LENGTH,
    "a token's beginning": "agr_" + "A" * LENGTH,
    "dotted base64url": "A." * (LENGTH // 2),
    "combining marks": "a" + "\u0301" * (LENGTH // 3),
    "semicolons": ";q=0," * (LENGTH // 5),
}
# What takes a step for each pair of characters takes thousands of millions of them, which is minutes.
SECONDS = 2.0

pytestmark = no_database


def requests(text: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Return operations with this text in every place that reads it more closely than by its length."""
    account = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    for name in (*account, "firstName"):
        yield REGISTER, {"input": {**account, name: text}}
    yield LOGIN, {"input": {"username": text, "password": "x"}}
    yield LOGIN, {"input": {"username": "nobody", "password": text}}
    yield SESSIONS, {"after": text}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
async def test_no_argument_takes_long_to_read(app: Application, text: str) -> None:
    slowest = 0.0
    for query, variables in requests(text):
        begun = time.process_time()
        assert (await app.gql(query, variables)).status < 500
        slowest = max(slowest, time.process_time() - begun)
    for ask in (request_reset, verify_email, inspect_reset):
        begun = time.process_time()
        await ask(app, text)
        slowest = max(slowest, time.process_time() - begun)
    begun = time.process_time()
    await app.refresh(text)
    assert max(slowest, time.process_time() - begun) < SECONDS


@pytest.mark.parametrize(
    "name", ["user-agent", "accept", "authorization", "cookie", "dpop", "x-forwarded-for"]
)
async def test_no_header_takes_long_to_read(app: Application, name: str) -> None:
    slowest = 0.0
    for text in filter(str.isascii, ODD.values()):
        for value in (text.strip(), f"Bearer {text.strip()}"):
            begun = time.process_time()
            assert (await app.gql(ME, headers={name: value})).status < 500
            slowest = max(slowest, time.process_time() - begun)
    assert slowest < SECONDS
