"""No statement of any operation or loop reads a whole table, but of those that hold a handful of rows."""

import asyncio
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import asyncpg
import orjson
from conftest import MakeApp
from support.app import LOOPS, PASSWORD, Application, recording
from support.documents import LOGIN, LOGOUT, SESSIONS, TERMINATE, TERMINATE_ALL, TERMINATE_OTHERS
from support.mail import text_of

from authgql.core.database import current, dialect

TABLES = {
    "accounts",
    "sessions",
    "refresh_tokens",
    "one_time_links",
    "reset_requests",
    "outbox_mails",
    "security_events",
    "revocations",
    "audit_blocks",
}
QUERIES = """
{
  me { sessions(status: null) { totalCount nodes { id } } }
  user(username: "ada") { id }
  active: sessions { totalCount }
  ended: sessions(status: ENDED) { totalCount }
  securityLog { pageInfo { endCursor } }
  passwordResetToken(token: "agl_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") { __typename }
}
"""
NEXT_PAGES = """
query ($session: String, $event: String) {
  sessions(after: $session) { nodes { id } }
  all: sessions(after: $session, status: null) { nodes { id } }
  ended: sessions(after: $session, status: ENDED) { nodes { id } }
  securityLog(after: $event) { nodes { id } }
}
"""
ENTITIES = """
query ($user: ID!, $session: ID!) {
  _entities(representations: [{__typename: "User", id: $user}, {__typename: "Session", id: $session}]) {
    __typename
  }
}
"""
CHANGES = """
mutation ($password: String!) {
  reauthenticate(input: {password: $password}) { __typename }
  a: updateProfile(input: {username: "lovelace", firstName: "Ada"}) { __typename }
  b: updateProfile(input: {email: "countess@example.com"}) { __typename }
  resendEmailVerification { __typename }
}
"""
VERIFY = "mutation ($token: String!) { verifyEmail(token: $token) { __typename } }"
CHANGE_PASSWORD = """
mutation ($old: String!, $new: String!) {
  changePassword(input: {currentPassword: $old, newPassword: $new}) { __typename }
}
"""
REQUEST_RESET = "mutation ($email: String!) { requestPasswordReset(email: $email) { __typename } }"
RESET = """
mutation ($token: String!, $new: String!) {
  resetPassword(input: {token: $token, newPassword: $new}) { __typename }
}
"""
HANDFULS = (
    '"signing_keys"',
    'FROM "reset_requests" ORDER BY',  # they are gone a second later
    'FROM "audit_blocks" ORDER BY "number" DESC LIMIT',  # the last two
)
OWN = ("VIRTUAL", "CONSTANT", "SCAN recent")  # lists of keys (`json_each`), nothing, the rows it has found
DELETE = "mutation ($password: String!) { deleteAccount(input: {password: $password}) { __typename } }"
PARTIAL_INDEXES = "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indpred IS NOT NULL"
NEW_PASSWORD = "amber-lantern-crosswind-58"


async def tour(app: Application) -> None:
    """Go through every operation and every loop."""
    ada = await app.signed_up()
    other, _ = await app.login(), await app.login()
    event = (await app.gql(QUERIES, token=ada.access)).data["securityLog"]["pageInfo"]["endCursor"]
    session = (await app.gql(SESSIONS, token=ada.access)).only["pageInfo"]["endCursor"]
    await app.gql(NEXT_PAGES, {"session": session, "event": event}, token=ada.access)
    await app.gql(ENTITIES, {"user": ada.user_id, "session": ada.session_id}, token=ada.access)
    await app.gql(TERMINATE, {"id": other.session_id}, token=ada.access)
    await refresh_and_reuse(app)
    await app.gql(TERMINATE_OTHERS, token=ada.access)
    await change_everything(app, ada.access)
    await app.gql(LOGOUT, token=ada.access)
    await app.gql(LOGIN, {"input": {"username": "countess@example.com", "password": "wrong"}})
    await app.gql(TERMINATE_ALL, token=(await app.login("lovelace", NEW_PASSWORD)).access)
    await app.gql(
        DELETE, {"password": NEW_PASSWORD}, token=(await app.login("lovelace", NEW_PASSWORD)).access
    )
    for path in ("/revocations", "/revocations?since=1", f"/revocations?since=1.1.{ada.session_id}"):
        assert (await app.client.get(path)).status_code == 200
    for name in LOOPS:
        await app.run_loop(name)


async def refresh_and_reuse(app: Application) -> None:
    other = await app.login()
    await app.refresh(other.refresh)
    await app.refresh(other.refresh)
    app.clock.advance(100)
    await app.gql("{ __typename }", token=other.access)
    for name in LOOPS:
        await app.run_loop(name)
    await app.refresh(other.refresh)


async def change_everything(app: Application, token: str) -> None:
    await app.gql(CHANGES, {"password": PASSWORD}, token=token)
    await app.gql(VERIFY, {"token": await token_of(app, "verify-email", 2)})
    await app.gql(CHANGE_PASSWORD, {"old": PASSWORD, "new": NEW_PASSWORD}, token=token)
    for address in ("countess@example.com", "nobody@example.com"):
        await app.gql(REQUEST_RESET, {"email": address})
    given = {"token": await token_of(app, "reset-password", 1), "new": NEW_PASSWORD}
    assert (await app.gql(RESET, given)).only == {"__typename": "PasswordReset"}


async def token_of(app: Application, page: str, count: int) -> str:
    """Return the token of the newest link to a page, once there are so many."""
    async with asyncio.timeout(10):
        while True:
            texts = [text_of(mail) for mail in app.mail.to("countess@example.com")]
            tokens = [found[1] for text in texts if (found := re.search(rf"{page}#token=([\w-]+)", text))]
            if len(tokens) == count:
                return tokens[-1]
            await asyncio.sleep(0.01)


async def test_every_statement_finds_its_rows_by_an_index(make_app: MakeApp) -> None:
    app = await make_app(max_sessions=4, session_max_age=3_600, audit_retention_days=91)
    statements: list[str] = []
    parameters: list[Sequence[object]] = []
    with recording(statements, parameters=parameters, loops=True):
        await tour(app)
        app.clock.advance(3_600)
        await app.run_loop("timeouts")
        app.clock.advance(days=92)
        for name in ("sealer", "janitor", "janitor"):
            await app.run_loop(name)
        await app.system.chain.verify()
    found = dict(zip(statements, parameters, strict=True))
    reading = {
        query: values
        for query, values in found.items()
        if query.startswith(("SELECT", "UPDATE", "DELETE", "WITH"))
    }
    assert len(reading) > 40
    assert {table for table in TABLES for query in reading if f'"{table}"' in query} == TABLES
    explain = _sqlite_scans if dialect() == "sqlite" else _postgres_scans
    large = {query: values for query, values in reading.items() if not any(few in query for few in HANDFULS)}
    scans = await explain(app, large)
    assert scans == []


async def _sqlite_scans(_: Application, statements: dict[str, Sequence[object]]) -> list[str]:
    scans = []
    for query, values in statements.items():
        plan = await current().execute_query_dict(f"EXPLAIN QUERY PLAN {query}", list(values))
        steps = [step["detail"] for step in plan if not any(own in step["detail"] for own in OWN)]
        if any(step.startswith("SCAN") for step in steps):
            scans.append(f"{query}: {[step['detail'] for step in plan]}")
    return scans


async def _postgres_scans(app: Application, statements: dict[str, Sequence[object]]) -> list[str]:
    connection = await asyncpg.connect(app.system.settings.database_url)
    await connection.execute("SET enable_seqscan=off")
    partial = {row["name"] for row in await connection.fetch(PARTIAL_INDEXES)}
    scans = []
    for query, values in statements.items():
        (plan,) = orjson.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *values))
        if any(_reads_all(node, partial) for node in _nodes(plan["Plan"])):
            scans.append(f"{query}: {plan}")
    await connection.close()
    return scans


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _reads_all(node: dict[str, Any], partial: Collection[str]) -> bool:
    """Tell whether a step of a plan goes through a table, or an index of all its rows, from end to end."""
    if "Index Name" in node:
        return "Index Cond" not in node and node["Index Name"] not in partial
    return str(node["Node Type"]) == "Seq Scan"
