"""Neither the Host header nor an absolute request target makes its way into a token or a mail."""

import re
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest
from support.app import PASSWORD, Application
from support.dialects import no_database
from support.documents import LOGIN, REGISTER
from support.process import LiveServer
from support.tokens import claims_of

EVIL = "evil.example.com"
ADA = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
FORGERIES = [
    {"host": EVIL},
    {"x-forwarded-host": EVIL, "x-forwarded-proto": "http"},
    {"forwarded": f"host={EVIL};proto=http"},
]


@pytest.mark.parametrize("forged", FORGERIES)
@no_database
async def test_the_issuer_is_never_the_requests(app: Application, forged: dict[str, str]) -> None:
    await app.register()
    given = {"username": "ada", "password": PASSWORD}
    result = (await app.gql(LOGIN, {"input": given}, headers=forged)).only
    assert claims_of(result["tokens"]["accessToken"])["iss"] == "https://id.example.com"
    renewed = (await app.refresh(result["tokens"]["refreshToken"]))["tokens"]["accessToken"]
    assert claims_of(renewed)["iss"] == "https://id.example.com"


def sent(server: LiveServer, target: str, query: str, given: dict[str, str]) -> dict[str, str]:
    """Send an operation with a forged request line, and return the answer's body."""

    body = orjson.dumps({"query": query, "variables": {"input": given}})
    head = (
        f"POST {target} HTTP/1.1\r\nHost: {EVIL}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    there = urlsplit(server.url)
    with socket.create_connection((there.hostname or "", there.port or 0), timeout=10) as connection:
        connection.sendall(head.encode() + body)
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    answered: dict[str, str] = orjson.loads(answer.partition(b"\r\n\r\n")[2])
    return answered


@pytest.mark.process
@pytest.mark.parametrize("target", [f"http://{EVIL}/graphql", f"https://{EVIL}:81/graphql", "/graphql"])
def test_an_absolute_target_changes_neither_link_nor_issuer(
    live_server: LiveServer, tmp_path: Path, target: str
) -> None:
    sent(live_server, target, REGISTER, ADA)
    answer = sent(live_server, target, LOGIN, {"username": "ada", "password": PASSWORD})
    token = re.search(r'"accessToken": ?"([^"]+)"', orjson.dumps(answer).decode())
    assert token
    assert claims_of(token[1])["iss"] == live_server.url
    (mail,) = wait_for_mails(tmp_path / "var" / "mailbox")
    assert f"{live_server.url}/account/verify-email#token" in mail.replace("=\n", "").replace("=3D", "=")
    assert EVIL not in mail


def wait_for_mails(mailbox: Path) -> list[str]:

    deadline = time.monotonic() + 10
    while not (files := list(mailbox.glob("*.eml"))):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return [file.read_text() for file in files]
