"""GraphQL over HTTP is spoken as the specification's own audits want it."""

import json

import pytest
from support.node import run_script
from support.process import LiveServer

pytestmark = [pytest.mark.node, pytest.mark.process]

# A server MAY run queries for a GET. This one runs nothing: a link or an image must not be a request.
BY_GET = {"5A70", "D6D5", "6A70"}


def test_every_audit_of_the_specifications_suite_is_ok(live_server: LiveServer) -> None:
    lines = run_script("audits.mjs", f"{live_server.url}/graphql").splitlines()
    audits = {audit["id"]: audit for audit in map(json.loads, lines)}
    assert len(audits) == 61
    assert {id_ for id_, audit in audits.items() if audit["status"] != "ok"} == BY_GET
    assert all(audits[id_]["name"].startswith("MAY ") and "GET" in audits[id_]["name"] for id_ in BY_GET)
    assert {audits[id_]["reason"] for id_ in BY_GET} == {"Response status code is not 200"}
