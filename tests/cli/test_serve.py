"""The real server: what it says at its start, how it stops, and what a power cut leaves behind."""

import json
import os
import re
import resource
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from conftest import StartServer
from support.app import PASSWORD
from support.documents import LOGIN, ME, REFRESH, REGISTER
from support.process import LiveServer

from authgql import server as serving

pytestmark = pytest.mark.process

PATIENCE_SECONDS = 20


def register(server: LiveServer, name: str) -> Any:
    given = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    return server.gql(REGISTER, {"input": given})["data"]["register"]


def login(server: LiveServer, name: str) -> Any:
    return server.gql(LOGIN, {"input": {"username": name, "password": PASSWORD}})["data"]["login"]


def refresh(server: LiveServer, token: str) -> Any:
    return server.gql(REFRESH, {"input": {"refreshToken": token}})["data"]["refresh"]


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# ---------------------------------------------------------------- the banner


def test_a_development_server_says_where_it_is_and_what_it_uses(live_server: LiveServer) -> None:
    banner = live_server.log.read_text()
    assert re.search(r"^authgql \d+\.\d+\.\d+ in development mode$", banner, re.MULTILINE)
    assert f"GraphQL   {live_server.url}/graphql  (open it in a browser: GraphiQL)" in banner
    assert "Database  sqlite://var/authgql.db" in banner
    assert f"Mail      {live_server.url}/dev/mailbox" in banner
    assert "rate limits are off" in banner
    assert "testing profile" in banner
    for path in ("/graphql", "/dev/mailbox"):
        page = httpx2.get(live_server.url + path, headers={"accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_no_password_is_shown(start_server: StartServer, database_url: str) -> None:
    url = database_url.replace("postgres:@", "postgres:database-password@")
    server = start_server(
        "--host",
        "0.0.0.0",  # noqa: S104 -- as operators do
        DATABASE_URL=url,
        SMTP_URL="smtp://user:mail-password@localhost:1",
        RATE_LIMITS="true",
        PASSWORD_HASH_PROFILE="owasp",
    )
    banner = server.log.read_text()
    assert "database-password" not in banner
    assert "mail-password" not in banner
    assert "smtp://user:…@localhost:1" in banner
    assert "Warning" not in banner
    assert "GraphiQL" not in banner
    assert re.search(r"^authgql \d+\.\d+\.\d+$", banner, re.MULTILINE)
    assert "GraphQL   http://0.0.0.0:" in banner


def test_without_a_mail_server_the_operator_is_told_what_to_set(start_server: StartServer) -> None:
    server = start_server(DEVELOPMENT="true", GRAPHIQL="false")
    server.stop()
    server = start_server(DATABASE_URL="sqlite://var/authgql.db")
    assert "written to var/mailbox/, not sent: set AUTHGQL_SMTP_URL" in server.log.read_text()
    assert httpx2.get(f"{server.url}/dev/mailbox").status_code == 404


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_is_listened_on() -> None:
    with serving.bound("::1", 0) as listener:
        assert listener.getsockname()[0] == "::1"


def test_every_connection_may_have_its_file() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 2_000)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted - 500, hard))
    try:
        serving._allow_files(wanted - 100)  # noqa: SLF001 -- a process' limit cannot be read from outside
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, hard)
        serving._allow_files(10)  # noqa: SLF001 -- the same
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (wanted, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# ---------------------------------------------------------------- the log


def test_every_line_of_a_json_log_is_json_in_utc_with_its_requests_id(start_server: StartServer) -> None:
    server = start_server("--dev", LOG_FORMAT="json")
    register(server, "ada")
    tokens = login(server, "ada")["tokens"]
    answer = httpx2.get(f"{server.url}/nowhere%0a%1b[31m")
    httpx2.post(f"{server.url}/graphql", content=b"\xff", headers={"user-agent": "a\tb"})
    with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        connection.recv(1_000)
    assert server.stop() == 0

    text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    banner = [line for line in text.splitlines() if not line.startswith("{")]
    assert all(line.startswith(("authgql ", "  ")) for line in banner)
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"]) for line in lines)
    assert answer.headers["x-request-id"] in {line.get("request_id") for line in lines}
    assert {"request", "account.registered", "session.started"} <= {line["event"] for line in lines}
    for secret in (PASSWORD, tokens["accessToken"], tokens["refreshToken"], "ada@example.com"):
        assert secret not in text


def test_a_log_for_people_cannot_be_forged_by_a_path(start_server: StartServer) -> None:
    server = start_server("--dev", LOG_FORMAT="console")
    httpx2.get(f"{server.url}/%0aforged%1b[31m")
    server.stop()
    text = server.log.read_text()
    assert "\x1b" not in text
    assert not [line for line in text.splitlines() if line.startswith("forged")]


# ---------------------------------------------------------------- stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_answers_what_it_accepted_and_exits_with_0(
    start_server: StartServer, number: int
) -> None:
    server = start_server("--dev")
    accepted = begun_request(server)
    server.process.send_signal(number)
    wait_until(lambda: not listens(server))
    assert answer_to(accepted).startswith(b"HTTP/1.1 200 OK")
    assert server.process.wait(PATIENCE_SECONDS) == 0
    assert "Traceback" not in server.log.read_text()


def test_a_server_that_is_told_twice_does_not_wait(start_server: StartServer) -> None:
    server = start_server("--dev")
    with begun_request(server):
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not listens(server))
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == 0


def test_a_draining_server_answers_until_its_time_is_over(start_server: StartServer) -> None:
    server = start_server("--dev", DRAIN_SECONDS="2")
    register(server, "ada")
    told = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: httpx2.get(f"{server.url}/readyz").status_code == 503)
    assert httpx2.get(f"{server.url}/readyz").json() == {"status": "draining"}
    assert httpx2.get(f"{server.url}/healthz").status_code == 200
    assert login(server, "ada")["__typename"] == "LoginSuccess"
    assert server.process.wait(PATIENCE_SECONDS) == 0
    assert 2 <= time.monotonic() - told < 8


def begun_request(server: LiveServer) -> socket.socket:
    """Send the first half of a request, so that the server has accepted it."""
    connection = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=10)
    body = json.dumps({"query": ME}).encode()
    head = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:-1])
    time.sleep(0.2)
    return connection


def answer_to(connection: socket.socket) -> bytes:
    """Send the rest, and read the answer."""
    with connection:
        connection.sendall(b"}")
        return connection.recv(65_536)


def listens(server: LiveServer) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), timeout=1).close()
    except OSError:
        return False
    return True


# ---------------------------------------------------------------- power cuts


def test_what_was_answered_survives_a_power_cut_and_nothing_is_half_done(
    start_server: StartServer, tmp_path: Path
) -> None:
    names: list[str] = []
    tokens: dict[str, str] = {}
    for round_ in range(4):
        server = start_server("--dev", REFRESH_GRACE="60")
        for name in list(tokens):
            tokens[name] = survivor(server, tokens[name])
        keep_busy(server, f"u{round_}", names, tokens, seconds=0.15 + 0.1 * round_)
    check_database(tmp_path / "var" / "authgql.db", names)

    server = start_server("--dev", REFRESH_GRACE="60")
    assert tokens
    assert len(names) > len(tokens)
    for name in names:
        assert register(server, name)["code"] == "USERNAME_TAKEN"
    for name, token in tokens.items():
        survivor(server, token)
        assert login(server, name)["__typename"] == "LoginSuccess"


def survivor(server: LiveServer, token: str) -> str:
    """Use the newest refresh token that the client was told of; the cut may have eaten one answer."""
    answer = refresh(server, token)
    assert answer["__typename"] == "RefreshSuccess", answer
    newest: str = answer["tokens"]["refreshToken"]
    return newest


def keep_busy(
    server: LiveServer, prefix: str, names: list[str], tokens: dict[str, str], *, seconds: float
) -> None:
    """Register accounts and refresh sessions, and kill the server in the middle of it."""
    register(server, f"{prefix}-keeper")
    names.append(f"{prefix}-keeper")
    tokens[f"{prefix}-keeper"] = login(server, f"{prefix}-keeper")["tokens"]["refreshToken"]

    def registering() -> None:
        number = 0
        while True:
            number += 1
            try:
                answer = register(server, f"{prefix}-{number}")
            except (httpx2.TransportError, ValueError):
                return
            assert answer["__typename"] == "RegisterSuccess"
            names.append(f"{prefix}-{number}")

    def refreshing() -> None:
        while True:
            try:
                tokens[f"{prefix}-keeper"] = survivor(server, tokens[f"{prefix}-keeper"])
            except (httpx2.TransportError, ValueError):
                return

    clients = [threading.Thread(target=work) for work in (registering, refreshing)]
    for client in clients:
        client.start()
    time.sleep(seconds)
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(PATIENCE_SECONDS)
    for client in clients:
        client.join(PATIENCE_SECONDS)
        assert not client.is_alive()


def check_database(file: Path, names: list[str]) -> None:
    """Look for anything that is half there."""
    with sqlite3.connect(file) as database:
        found = {name for (name,) in database.execute("SELECT username FROM accounts")}
        assert set(names) <= found
        nothing = {
            "an account without its event": """
                SELECT count(*) - (SELECT count(*) FROM accounts) FROM security_events
                WHERE kind = 'account.registered'""",
            "an account without its mail": """
                SELECT count(*) FROM accounts WHERE id NOT IN (SELECT account_id FROM one_time_links)""",
            "a session without a refresh token": """
                SELECT count(*) FROM sessions WHERE id NOT IN (SELECT session_id FROM refresh_tokens)""",
            "a session with two living refresh tokens": """
                SELECT count(*) FROM (SELECT session_id FROM refresh_tokens WHERE spent_at IS NULL
                GROUP BY session_id HAVING count(*) <> 1)""",
            "a session that was ended": "SELECT count(*) FROM sessions WHERE logged_out_at IS NOT NULL",
        }
        for what, query in nothing.items():
            assert database.execute(query).fetchone() == (0,), what
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
