"""Schemathesis writes operations out of the schema that the running server shows; each is answered."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from support.app import PASSWORD
from support.documents import LOGIN, ME, REGISTER
from support.process import LiveServer, ServerProcesses

pytestmark = pytest.mark.process

EXAMPLES_OF_EACH = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with ServerProcesses(tmp_path_factory.mktemp("server")) as processes:
        yield processes.start("--dev", LOG_FORMAT="json")


class Caller:
    """Somebody who is signed in, again where an operation has ended the session."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self._count = 0
        self._token = "nobody's"

    def send(self, document: str) -> httpx2.Response:
        if self._run(ME).get("me") is None:
            self._sign_in()
        return self._post({"query": document})

    def _sign_in(self) -> None:
        self._count += 1
        name = f"somebody{self._count}"
        credentials = {"username": name, "password": PASSWORD}
        self._run(REGISTER, {"input": {**credentials, "email": f"{name}@example.com"}})
        self._token = self._run(LOGIN, {"input": credentials})["login"]["tokens"]["accessToken"]

    def _run(self, query: str, variables: object = None) -> Any:
        return self._post({"query": query, "variables": variables}).json().get("data") or {}

    def _post(self, body: object) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self._token}"}
        return self._client.post("/graphql", json=body, headers=headers)


@pytest.fixture
def caller(server: LiveServer) -> Iterator[Caller]:
    with httpx2.Client(base_url=server.url, timeout=20) as client:
        yield Caller(client)


def test_every_operation_of_the_schema_is_answered(server: LiveServer, caller: Caller) -> None:
    ran = 0
    operations: Any = schemathesis.graphql.from_url(f"{server.url}/graphql").get_all_operations()
    for found in operations:

        @settings(
            max_examples=EXAMPLES_OF_EACH,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(found.ok().as_strategy())
        def example(case: Any) -> None:
            nonlocal ran
            answer = caller.send(case.body)
            assert answer.status_code < 500, case.body
            told = answer.json()
            codes = {error["extensions"]["code"] for error in told.get("errors", [])}
            assert not codes & {"INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "GRAPHQL_PARSE_FAILED"}, told
            ran += "errors" not in told

        example()
    assert ran > 40
    assert server.mistakes() == []
