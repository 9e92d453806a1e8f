"""Apollo's own client, which sends hashes first, gets its answers with a list and without one."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import StartServer
from support.node import run_script

pytestmark = [pytest.mark.node, pytest.mark.process]

QUERIES = ("{ me { id username } }", "query Here { currentSession { id device { name } } }")
NOBODY = [{"me": None}, {"currentSession": None}]


def ask(url: str) -> Any:
    return json.loads(run_script("persisted.mjs", f"{url}/graphql", *QUERIES))


def test_apollo_client_falls_back_to_whole_documents_for_good(start_server: StartServer) -> None:
    told = ask(start_server("--dev").url)
    assert told["answers"] == NOBODY
    assert told["sent"][0] == {"query": False, "hash": True}
    assert [sent["query"] for sent in told["sent"][1:]] == [True, True]


def test_apollo_client_runs_trusted_documents_by_their_hashes(
    start_server: StartServer, tmp_path: Path
) -> None:
    texts = ask(start_server("--dev").url)["documents"]  # as the client prints them, with `__typename` added
    file = tmp_path / "trusted.json"
    file.write_text(json.dumps({hashlib.sha256(text.encode()).hexdigest(): text for text in texts}))
    told = ask(start_server("--dev", TRUSTED_DOCUMENTS=str(file)).url)
    assert told["answers"] == NOBODY
    assert told["sent"] == [{"query": False, "hash": True}] * 2
