"""Tokens bound to a key are worth nothing without it (RFC 9449)."""

from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from conftest import MakeApp
from support.app import PASSWORD, Answer, Application
from support.documents import LOGIN, ME, REFRESH
from support.proofs import ProofKey, b64, claims_at

from authgql.core.secrets import ascii_hash

HTU = "https://id.example.com/graphql"


def _proof(app: Application, key: ProofKey, access_token: str | None = None, **changes: object) -> str:
    ath = None if access_token is None else ascii_hash(access_token)
    now = int(app.clock.now().timestamp())
    return key.proof(claims_at(now, **{"htu": HTU, "ath": ath, **changes}))


async def _ask(
    app: Application,
    document: str,
    variables: Mapping[str, object] | None = None,
    *,
    key: ProofKey | None,
    token: str | None = None,
    scheme: str = "DPoP",
) -> Answer:
    headers = {} if key is None else {"dpop": _proof(app, key, token)}
    if token is not None:
        headers["authorization"] = f"{scheme} {token}"
    return await app.gql(document, variables, headers=headers)


async def _bound(app: Application, key: ProofKey) -> dict[str, Any]:
    await app.register()
    given = {"input": {"username": "ada", "password": PASSWORD}}
    result: dict[str, Any] = (await _ask(app, LOGIN, given, key=key)).only
    return result


async def test_a_login_with_a_proof_binds_the_session(app: Application) -> None:
    key = ProofKey()
    opened = await _bound(app, key)
    access = opened["tokens"]["accessToken"]
    assert opened["tokens"]["tokenType"] == "DPoP"
    confirmation = jwt.decode(access, options={"verify_signature": False})["cnf"]
    (row,) = await app.rows("SELECT key_thumbprint FROM sessions")
    assert confirmation == {"jkt": row["key_thumbprint"]}
    assert (await _ask(app, ME, key=key, token=access)).only["username"] == "ada"
    document = "{ currentSession { token { senderConstrained } } }"
    assert (await _ask(app, document, key=key, token=access)).only["token"]["senderConstrained"] is True


@pytest.mark.parametrize("scheme", ["Bearer", "DPoP"])
async def test_a_copied_access_token_opens_nothing_and_is_noticed(app: Application, scheme: str) -> None:
    opened = await _bound(app, ProofKey())
    access = opened["tokens"]["accessToken"]
    for thief in (None, ProofKey()):
        answer = await _ask(app, ME, key=thief, token=access, scheme=scheme)
        assert answer.codes == ["INVALID_DPOP_PROOF"]
        assert "data" not in answer.body
    assert (await app.events()).count("proof.refused") == 2


async def test_a_copied_refresh_token_opens_nothing_and_stays_good(app: Application) -> None:
    key = ProofKey()
    opened = await _bound(app, key)
    given = {"input": {"refreshToken": opened["tokens"]["refreshToken"]}}
    for thief in (None, ProofKey()):
        assert (await _ask(app, REFRESH, given, key=thief)).codes == ["INVALID_DPOP_PROOF"]
    assert (await app.events()).count("proof.refused") == 2
    renewed = (await _ask(app, REFRESH, given, key=key)).only
    assert renewed["tokens"]["tokenType"] == "DPoP"
    for thief in (None, ProofKey()):  # nor within the grace
        assert (await _ask(app, REFRESH, given, key=thief)).codes == ["INVALID_DPOP_PROOF"]
    again = (await _ask(app, REFRESH, given, key=key)).only
    assert again["tokens"]["refreshToken"] == renewed["tokens"]["refreshToken"]


async def test_a_refresh_with_a_proof_binds_a_session_for_good(app: Application) -> None:
    ada, key = await app.signed_up(), ProofKey()
    renewed = (await _ask(app, REFRESH, {"input": {"refreshToken": ada.refresh}}, key=key)).only
    assert renewed["tokens"]["tokenType"] == "DPoP"
    assert (await app.gql(ME, token=ada.access)).codes == ["INVALID_DPOP_PROOF"]
    assert (await _ask(app, ME, key=key, token=renewed["tokens"]["accessToken"])).only["username"] == "ada"
    given = {"input": {"refreshToken": renewed["tokens"]["refreshToken"]}}
    assert (await app.gql(REFRESH, given)).codes == ["INVALID_DPOP_PROOF"]


async def test_a_proof_is_good_once(app: Application) -> None:
    key = ProofKey()
    access = (await _bound(app, key))["tokens"]["accessToken"]
    headers = {"dpop": _proof(app, key, access), "authorization": f"DPoP {access}"}
    assert (await app.gql(ME, headers=headers)).only["username"] == "ada"
    answer = await app.gql(ME, headers=headers)
    assert answer.body["errors"][0]["extensions"] == {
        "code": "INVALID_DPOP_PROOF",
        "reason": "invalid_dpop_proof",
    }


@pytest.mark.parametrize(
    "changes", [{"htm": "GET"}, {"htu": "https://evil.example/graphql"}, {"iat": 1}, {"jti": None}]
)
async def test_a_bad_proof_is_refused_even_where_none_is_needed(
    app: Application, changes: dict[str, Any]
) -> None:
    proof = _proof(app, ProofKey(), **changes)
    answer = await app.gql(ME, headers={"dpop": proof})
    assert answer.codes == ["INVALID_DPOP_PROOF"]
    assert (await app.gql(ME, headers={"dpop": b64(b"garbage")})).codes == ["INVALID_DPOP_PROOF"]


async def test_a_proof_changes_nothing_for_a_session_that_is_not_bound(app: Application) -> None:
    ada = await app.signed_up()
    answer = await _ask(app, ME, key=ProofKey(), token=ada.access, scheme="Bearer")
    assert answer.only["username"] == "ada"


async def test_a_demanded_nonce_is_given_with_the_refusal(make_app: MakeApp) -> None:
    app = await make_app(dpop_require_nonce=True)
    key = ProofKey()
    refused = await app.gql(ME, headers={"dpop": _proof(app, key)})
    assert refused.body["errors"][0]["extensions"]["reason"] == "use_dpop_nonce"
    nonce = refused.headers["dpop-nonce"]
    answer = await app.gql(ME, headers={"dpop": _proof(app, key, nonce=nonce)})
    assert answer.data == {"me": None}


async def test_cookies_and_a_key_do_not_go_together(app: Application) -> None:
    await app.register()
    given = {"input": {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}}
    assert (await _ask(app, LOGIN, given, key=ProofKey())).codes == ["BAD_USER_INPUT"]
    assert "session.started" not in await app.events()


async def test_a_refresh_by_cookie_is_not_bound(app: Application) -> None:
    await app.register()
    given = {"input": {"username": "ada", "password": PASSWORD, "delivery": "COOKIE"}}
    own = {"origin": "https://id.example.com"}
    await app.gql(LOGIN, given, headers=own)
    app.client.cookies.delete("__Host-authgql-access")
    answer = await app.gql(REFRESH, headers={**own, "dpop": _proof(app, ProofKey())})
    assert answer.codes == ["BAD_USER_INPUT"]
    (row,) = await app.rows("SELECT key_thumbprint FROM sessions")
    assert row["key_thumbprint"] is None
    assert (await app.gql(REFRESH, headers=own)).only["__typename"] == "RefreshSuccess"


async def test_who_shows_a_copied_token_does_not_keep_its_session_alive(app: Application) -> None:
    opened = await _bound(app, ProofKey())
    app.clock.advance(300)
    await _ask(app, ME, key=None, token=opened["tokens"]["accessToken"])
    await app.system.activity.flush()
    (row,) = await app.rows("SELECT logged_in_at, last_seen_at FROM sessions")
    assert row["last_seen_at"] == row["logged_in_at"]
