"""Reading a request: its size, its pace, and every way in which it is no JSON."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from starlette.requests import Request
from starlette.types import Message
from support.app import Application
from support.dialects import no_database

from authgql.web import request as reading
from authgql.web.request import MAX_BODY, BadRequest, GraphQLRequest, read

JSON = {"content-type": "application/json"}
EMPTY = b'{"query": "{ me { id } }"}'


def request_of(receive: Callable[[], Awaitable[Message]]) -> Request:
    headers = [(b"content-type", b"application/json")]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


def padded(size: int) -> bytes:
    return EMPTY + b" " * (size - len(EMPTY))


@no_database
async def test_the_largest_request_is_answered_and_one_byte_more_is_refused(app: Application) -> None:
    assert (await app.client.post("/graphql", content=padded(MAX_BODY), headers=JSON)).status_code == 200
    answer = await app.client.post("/graphql", content=padded(MAX_BODY + 1), headers=JSON)
    assert answer.status_code == 413
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert str(MAX_BODY) in error["message"]


@no_database
async def test_an_endless_body_is_refused_before_it_is_all_there(app: Application) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * MAX_BODY:
            sent += 4096
            yield b" " * 4096

    answer = await app.client.post("/graphql", content=endless(), headers=JSON)
    assert answer.status_code == 413


async def test_no_more_is_read_than_the_largest_request_has() -> None:
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b" " * 1024, "more_body": True}

    with pytest.raises(BadRequest) as refusal:
        await read(request_of(receive))
    assert refusal.value.status == 413
    assert taken == MAX_BODY // 1024 + 1


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BODY_SECONDS", 0.05)

    async def receive() -> Message:
        await asyncio.sleep(0.02)
        return {"type": "http.request", "body": b" ", "more_body": True}

    with pytest.raises(BadRequest) as refusal:
        await read(request_of(receive))
    assert refusal.value.status == 408


async def test_a_client_that_goes_away_is_no_mistake_of_ours() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with pytest.raises(BadRequest) as refusal:
        await read(request_of(receive))
    assert refusal.value.status == 400


async def test_what_is_read_is_typed() -> None:
    body = b'{"query": "{ me { id } }", "variables": {"a": [1, null]}, "operationName": "A"}'

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    assert await read(request_of(receive)) == GraphQLRequest(
        query="{ me { id } }", document_id=None, variables={"a": [1, None]}, operation_name="A"
    )


@no_database
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        EMPTY + b"x",
        EMPTY * 2,
        b"\xef\xbb\xbf" + EMPTY,
        EMPTY.decode().encode("utf-16"),
        b'{"query": "\xff"}',
        b'{"query": "\\ud800"}',
        b"{'query': '{ me { id } }'}",
        b'{"query": "{ me { id } }", "variables": {"a": NaN}}',
        b'{"query": "{ me { id } }", "variables": {"a": -Infinity}}',
        b'{"query": "{ me { id } }", "variables": {"a": 1e999}}',
        b'{"query": "{ me { id } }", "variables": {"a": ' + b"9" * 5_000 + b"}}",
        b'{"query": "{ me { id } }", "variables": {"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}}",
        b'{"query": "{ me { id } }", "variables": ' + b'{"a":' * 2_000 + b"1" + b"}" * 2_001,
        b'{"query": "{ me { id } }",}',
        b"query={ me { id } }",
        bytes(range(256)),
        b"\x1f\x8b\x08\x00" + EMPTY,
    ],
)
async def test_what_is_no_json_in_utf_8_is_a_400(app: Application, body: bytes) -> None:
    answer = await app.client.post("/graphql", content=body, headers=JSON)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert "JSON" in error["message"]
