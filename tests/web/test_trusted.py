"""With a list of trusted documents nothing else runs; with an unsound list nothing starts."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeApp, StartServer
from support.accounts import RESET_TOKEN
from support.app import Application
from support.dialects import no_database
from support.documents import LOGIN, ME, REGISTER, SESSIONS
from support.ports import free_port

from authgql.cli import main
from authgql.environment import SettingsError, load
from authgql.web.account import pages
from authgql.web.documents import Documents, Untrustworthy
from authgql.web.schema import build_schema
from authgql.web.trusted import read_trusted

SCHEMA = build_schema()._schema  # noqa: SLF001 -- as in app.py
TEXTS = (ME, LOGIN, REGISTER, SESSIONS)


def digest(text: str, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()


def apollo(*operations: object) -> dict[str, object]:
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": list(operations)}


FORMS: Mapping[str, tuple[object, str]] = {
    "a map": ({digest(text): text for text in TEXTS}, digest(ME)),
    "prefixed": ({f"sha256:{digest(text)}": text for text in TEXTS}, f"sha256:{digest(ME)}"),
    "graphql-codegen": ({digest(text, "sha1"): text for text in TEXTS}, digest(ME, "sha1")),
    "Relay": ({digest(text, "md5"): text for text in TEXTS}, digest(ME, "md5")),
    "names": ({"me": ME, "login": LOGIN, "register": REGISTER, "sessions": SESSIONS}, "me"),
    "Apollo": (
        apollo(*({"id": digest(text), "name": "X", "type": "query", "body": text} for text in TEXTS)),
        digest(ME),
    ),
}


@pytest.fixture
def trusted(tmp_path: Path) -> Path:
    return written(tmp_path, FORMS["a map"][0])


def written(directory: Path, content: object) -> Path:
    file = directory / "trusted.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return file


async def post(app: Application, **body: object) -> Any:
    headers = {"accept": "application/graphql-response+json"}
    answer = await app.client.post("/graphql", json=body, headers=headers)
    return answer.status_code, answer.json()


def refused(body: Any) -> Any:
    (error,) = body["errors"]
    assert "data" not in body
    return error["extensions"]["code"], error["message"]


# ---------------------------------------------------------------- without a list


@no_database
@pytest.mark.parametrize("accept", ["application/graphql-response+json", "application/json"])
@pytest.mark.parametrize(
    "body",
    [
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(ME)}}},
        {"query": None, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(ME)}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"documentId": f"sha256:{digest(ME)}"},
    ],
)
async def test_who_sends_a_hash_alone_is_told_to_send_the_document(
    app: Application, body: dict[str, object], accept: str
) -> None:
    await post(app, **body | {"query": ME})  # teaches the server nothing
    answer = await app.client.post("/graphql", json=body, headers={"accept": accept})
    assert answer.status_code == (200 if accept == "application/json" else 400)
    assert refused(answer.json()) == ("PERSISTED_QUERY_NOT_SUPPORTED", "PersistedQueryNotSupported")


# ---------------------------------------------------------------- with one


@no_database
@pytest.mark.parametrize(("content", "name"), FORMS.values(), ids=FORMS)
async def test_a_document_runs_by_every_name_that_clients_have_for_it(
    make_app: MakeApp, tmp_path: Path, content: object, name: str
) -> None:
    app = await make_app(trusted_documents=written(tmp_path, content))
    for body in (
        {"documentId": name},
        {"documentId": digest(ME)},
        {"documentId": f"sha256:{digest(ME)}"},
        {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(ME)}}},
        {"query": ME},
        {"query": ME, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(ME)}}},
    ):
        assert await post(app, **body) == (200, {"data": {"me": None}})
    assert (await app.signed_up()).access


@no_database
@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ me { id } }"},
        {"query": ME + " "},
        {"query": "{"},
        {"query": "{ nope }"},
        {"query": ""},
        {"query": "{ __schema { types { name } } }"},
        {"query": "{ me { id } }", "documentId": digest(ME)},
        {"query": "{ me { id } }", "extensions": {"persistedQuery": {"sha256Hash": digest(ME)}}},
        {"documentId": "sha256:"},
        {"documentId": ""},
        {"documentId": digest(ME).upper()},
        {"documentId": digest("{ me { id } }")},
        {"extensions": {"persistedQuery": {"sha256Hash": digest("{ me { id } }")}}},
        {"extensions": {"persistedQuery": {}}},
    ],
)
async def test_nothing_else_runs_or_is_looked_at(
    make_app: MakeApp, trusted: Path, body: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(trusted_documents=trusted)
    monkeypatch.setattr("authgql.web.documents.parse", None)
    monkeypatch.setattr("authgql.web.documents.check_size", None)
    status, answer = await post(app, **body)
    assert (status, refused(answer)[0]) == (400, "PERSISTED_QUERY_NOT_IN_LIST")


@no_database
async def test_the_pages_of_our_own_mails_go_on_working(make_app: MakeApp, trusted: Path) -> None:
    app = await make_app(trusted_documents=trusted)
    own = pages.documents()
    assert [document.split("(")[0] for document in own] == [
        "mutation VerifyEmail",
        "query PasswordResetToken",
        "mutation ResetPassword",
        "mutation DisavowSession",
    ]
    answer = await app.gql(own[0], {"token": "none"})
    assert answer.only["__typename"] == "InvalidToken"
    assert (await app.gql(RESET_TOKEN, {"token": "none"})).codes == ["PERSISTED_QUERY_NOT_IN_LIST"]


@no_database
async def test_the_cost_of_a_trusted_document_is_still_that_of_its_variables(
    make_app: MakeApp, tmp_path: Path
) -> None:
    sessions = "... on User { id sessions { totalCount } }"
    many = f"query M($r: [_Any!]!) {{ _entities(representations: $r) {{ {sessions} }} }}"
    app = await make_app(trusted_documents=written(tmp_path, {digest(many): many}))
    _, answer = await post(app, documentId=digest(many), variables={"r": [1] * 200})
    assert refused(answer)[0] == "OPERATION_TOO_COMPLEX"
    assert (await post(app, documentId=digest(many), variables={"r": [1]}))[0] == 200


# ---------------------------------------------------------------- lists that are not sound

UNSOUND: Mapping[str, tuple[object, str]] = {
    "not JSON": ("{", "not JSON"),
    "a list": ([ME], "neither a map"),
    "a word": ('"x"', "neither a map"),
    "empty": ({}, "no documents are in it"),
    "an empty manifest": (apollo(), "no documents are in it"),
    "numbers": ({"a": 1}, "neither a map"),
    "a manifest without bodies": (apollo({"id": "a"}), "needs an `id` and a `body`"),
    "a manifest of words": (apollo("a"), "needs an `id` and a `body`"),
    "a manifest without operations": ({"format": "apollo-persisted-query-manifest"}, "needs an `id`"),
    "a manifest of numbers": (apollo({"id": "a", "body": 1}), "neither a map"),
    "a manifest with lists for ids": (apollo({"id": [], "body": ME}), "needs an `id`"),
    "a manifest with numbers for ids": (apollo({"id": 1, "body": ME}), "neither a map"),
    "another sha256": ({digest("x"): ME}, f"document {digest('x')}: the sha256 of its text is another"),
    "another sha1": ({digest("x", "sha1"): ME}, "the sha1 of its text is another"),
    "another md5": ({digest("x", "md5"): ME}, "the md5 of its text is another"),
    "a short sha256": ({"sha256:abc": ME}, "document sha256:abc: the sha256 of its text is another"),
    "a syntax error": ({"broken": "{ me {"}, "document broken: Syntax Error"),
    "not of this schema": ({"older": "{ me { nickname } }"}, "document older: Cannot query field 'nickname'"),
    "too complex": ({"big": "{ me { " + "id " * 999 + "} }"}, "document big: The document has 1001 tokens"),
}


@pytest.mark.parametrize(("content", "says"), UNSOUND.values(), ids=UNSOUND)
def test_an_unsound_list_is_refused_and_says_where(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(Untrustworthy) as refusal:
        Documents(SCHEMA, introspection=False, trusted=read_trusted(written(tmp_path, content)))
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Untrustworthy, match="Is a directory"):
        read_trusted(tmp_path)


def test_introspection_is_trusted_only_where_it_is_answered(tmp_path: Path) -> None:
    texts = read_trusted(written(tmp_path, {"types": "{ __schema { types { name } } }"}))
    with pytest.raises(Untrustworthy, match="document types: GraphQL introspection"):
        Documents(SCHEMA, introspection=False, trusted=texts)
    assert Documents(SCHEMA, introspection=True, trusted=texts).prepare(None, document_id="types").document


def test_the_server_does_not_start_with_an_unsound_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, {"older": "{ me { nickname } }"})
    monkeypatch.setenv("AUTHGQL_TRUSTED_DOCUMENTS", str(file))
    monkeypatch.setattr("authgql.cli.configure_logging", lambda _: None)  # it would outlive the test
    monkeypatch.setattr("sys.argv", ["authgql", "serve", "--dev", "--port", str(free_port())])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "authgql: AUTHGQL_TRUSTED_DOCUMENTS: document older: Cannot query field 'nickname'"
    )


def test_graphiql_is_not_shown_where_it_could_run_nothing(trusted: Path, tmp_path: Path) -> None:
    assert load(development=True).shows_graphiql
    assert not load(development=True, trusted_documents=trusted).shows_graphiql
    with pytest.raises(SettingsError, match="AUTHGQL_GRAPHIQL cannot be true with AUTHGQL_TRUSTED_DOCUMENTS"):
        load(graphiql=True, trusted_documents=trusted)
    with pytest.raises(SettingsError, match="AUTHGQL_TRUSTED_DOCUMENTS"):
        load(trusted_documents=tmp_path / "nowhere.json")


@pytest.mark.process
def test_a_real_server_serves_the_list(start_server: StartServer, trusted: Path) -> None:
    server = start_server("--dev", TRUSTED_DOCUMENTS=str(trusted))
    assert server.gql(ME) == {"data": {"me": None}}
    assert server.gql("{ me { id } }")["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_IN_LIST"
    assert "GraphiQL" not in server.log.read_text()
