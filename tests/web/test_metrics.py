"""Prometheus is told what happens, at its own address alone, in names that no client can multiply."""

import asyncio
import re
from functools import partial
from typing import Any

import httpx2
import pytest
from conftest import MakeApp, StartServer
from prometheus_client import generate_latest
from starlette.types import Receive, Scope, Send
from support.app import PASSWORD, Application
from support.dialects import no_database
from support.documents import LOGIN, ME, SESSIONS
from support.ports import free_port
from support.process import LiveServer

from authgql import server as serving
from authgql.core.metrics import Metrics
from authgql.server import CannotListen
from authgql.web.middleware import Requests


def shown(app: Application) -> dict[str, float]:
    """What Prometheus would be told, without the moments at which counters were made."""
    text = generate_latest(app.asgi.state.metrics.registry).decode()
    lines = [line.rpartition(" ") for line in text.splitlines() if line[0] != "#" and "_created" not in line]
    return {name: float(value) for name, _, value in lines}


def requests(app: Application, operation: str, outcome: str) -> float:
    return shown(app).get(f'authgql_requests_total{{operation="{operation}",outcome="{outcome}"}}', 0)


@no_database
async def test_requests_are_counted_by_type_and_outcome(app: Application) -> None:
    ada = await app.signed_up()
    await app.gql(ME, token=ada.access)
    await app.gql(SESSIONS)
    await app.gql("{")
    await app.client.get("/healthz")
    assert requests(app, "mutation", "ok") == 2
    assert requests(app, "query", "ok") == 1
    assert requests(app, "query", "refused") == 1
    assert requests(app, "none", "ok") == 2  # unreadable documents are answered with 200 to older clients
    await app.client.get("/nowhere")
    assert requests(app, "none", "refused") == 1
    app.asgi.state.routes.draining = True
    await app.client.get("/readyz")
    assert requests(app, "none", "unavailable") == 1
    assert shown(app)['authgql_request_seconds_count{operation="query"}'] == 2


@no_database
async def test_a_mistake_of_ours_is_counted_as_one(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nonsense() -> None:
        raise KeyError("nobody expects this")

    monkeypatch.setattr(app.asgi.state.routes, "_pings", {"database": nonsense})
    await app.client.get("/readyz")
    assert requests(app, "none", "failed") == 1
    monkeypatch.setattr(app.system.services.listing, "page", nonsense)
    ada = await app.signed_up()
    await app.gql(SESSIONS, token=ada.access)
    assert requests(app, "query", "failed") == 1


async def test_logins_and_refusals_are_counted_by_their_kind_in_the_trail(app: Application) -> None:
    await app.signed_up()
    for _ in range(2):
        await app.gql(LOGIN, {"input": {"username": "ada", "password": "wrong"}})
    figures = shown(app)
    assert figures['authgql_security_events_total{kind="session.started"}'] == 1
    assert figures['authgql_security_events_total{kind="login.refused"}'] == 2
    assert figures["authgql_hashing"] == 0
    async with asyncio.timeout(10):  # what runs beside the requests uses connections, too
        while shown(app)["authgql_database_connections"]:  # noqa: ASYNC110 -- it tells nobody
            await asyncio.sleep(0.01)


@no_database
async def test_nothing_that_a_client_chooses_makes_the_metrics_grow(make_app: MakeApp) -> None:
    app = await make_app()
    await app.signed_up()

    async def everything(mark: str) -> None:
        body = {"query": f"query {mark} {{ me {{ id }} }}", "operationName": mark}
        await app.client.post("/graphql", json=body, headers={"user-agent": mark, "x-forwarded-for": mark})
        await app.client.request(mark, f"/{mark}")
        await app.gql(LOGIN, {"input": {"username": mark, "password": mark}}, user_agent=mark)

    await everything("first")
    before = shown(app).keys()
    for number in range(50):
        await everything(f"mark{number}")
    assert shown(app).keys() == before
    assert "mark" not in str(before)


async def test_a_request_without_an_answer_is_counted_as_aborted() -> None:
    metrics = Metrics()

    async def gone(_: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing: the client has hung up."""

    async def nothing(message: Any = None) -> Any:
        return message

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    await Requests(gone, count=metrics.request)(scope, nothing, nothing)
    assert 'operation="none",outcome="aborted"' in generate_latest(metrics.registry).decode()


# ---------------------------------------------------------------- where they are


@pytest.mark.process
def test_they_are_at_their_address_and_nowhere_else(start_server: StartServer) -> None:
    port = free_port()
    server: LiveServer = start_server("--dev", METRICS_ADDRESS=f"127.0.0.1:{port}")
    server.gql(ME)
    told = httpx2.get(f"http://127.0.0.1:{port}/metrics")
    assert told.status_code == 200
    assert 'authgql_requests_total{operation="query",outcome="ok"} 1.0' in told.text
    assert re.search(r"^authgql_connections \d", told.text, re.MULTILINE)
    assert httpx2.get(f"{server.url}/metrics").status_code == 404
    assert PASSWORD not in told.text
    assert server.stop() == 0


def test_several_processes_take_one_port_each_and_a_taken_one_is_told() -> None:
    port = free_port()
    exposed = partial(serving._exposed, Metrics(), f"127.0.0.1:{port}", 2)  # noqa: SLF001 -- within processes
    with exposed(), exposed():
        assert httpx2.get(f"http://127.0.0.1:{port + 1}/metrics").status_code == 200
        with pytest.raises(CannotListen, match="for metrics"), exposed():
            pass
