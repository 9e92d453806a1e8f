"""Whatever is not exactly an access token that this server signed for this purpose is nobody's."""

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from uuid import uuid4

import jwt
import orjson
import pytest
from conftest import MakeApp
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.app import Application, SignedIn
from support.dialects import no_database
from support.documents import LOGOUT, ME, SESSIONS
from support.tokens import claims_of, decoded, encoded, header_of

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the curve P-256
CLAIMS = ("iss", "aud", "sub", "sid", "jti", "iat", "exp", "auth_time", "amr", "scope")

pytestmark = no_database


async def is_nobody(app: Application, token: str) -> bool:
    """Tell whether a token is refused without a fuss: as nobody, not as a failure."""
    return await authorized_as_nobody(app, f"Bearer {token}")


async def authorized_as_nobody(app: Application, authorization: str) -> bool:
    me = await app.gql(ME, headers={"authorization": authorization})
    listed = await app.gql(SESSIONS, headers={"authorization": authorization})
    assert (me.status, listed.status) == (200, 200)
    return me.body == {"data": {"me": None}} and listed.codes == ["UNAUTHENTICATED"]


def resigned(
    app: Application, token: str, *, header: Mapping[str, Any] | None = None, **changes: object
) -> str:
    """Change a token's claims (None: leave out) or header, and sign it with the server's own key."""
    claims = {name: value for name, value in (claims_of(token) | changes).items() if value is not None}
    return signed(app, orjson.dumps({**header_of(token), **(header or {})}), orjson.dumps(claims))


def signed(app: Application, header: bytes, payload: bytes) -> str:
    message = f"{encoded(header)}.{encoded(payload)}"
    key = app.system.keys.current
    signature = jwt.get_algorithm_by_name(key.algorithm).sign(message.encode(), key.private_key)
    return f"{message}.{encoded(signature)}"


def public_pem(app: Application) -> bytes:
    public = app.system.keys.current.private_key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hmac_signed(token: str, secret: bytes) -> str:
    header = encoded(orjson.dumps({**header_of(token), "alg": "HS256"}))
    message = f"{header}.{token.split('.')[1]}"
    return f"{message}.{encoded(hmac.digest(secret, message.encode(), sha256))}"


async def test_a_token_says_what_the_profile_of_access_tokens_asks(app: Application) -> None:
    ada = await app.signed_up()
    key = app.system.keys.current
    assert header_of(ada.access) == {"typ": "at+jwt", "alg": "ES256", "kid": key.kid}
    now = int(app.clock.now().timestamp())
    claims = claims_of(ada.access)
    (row,) = await app.rows("SELECT token_id FROM sessions")
    assert claims == {
        "iss": "https://id.example.com",
        "aud": "authgql",
        "sub": ada.user_id,
        "sid": ada.session_id,
        "jti": str(row["token_id"]),
        "iat": now,
        "exp": now + 600,
        "auth_time": now,
        "amr": ["pwd"],
        "scope": "account",
    }
    assert tuple(claims) == CLAIMS


async def test_a_token_signed_anew_with_nothing_changed_is_accepted(app: Application) -> None:
    ada = await app.signed_up()
    assert not await is_nobody(app, ada.access)
    assert not await is_nobody(app, resigned(app, ada.access))
    assert not await is_nobody(app, resigned(app, ada.access, nonsense="ignored"))


Forgery = Callable[[Application, str], str]
OTHER_KEY = generate_private_key(SECP256R1())
OTHER_JWK = jwt.algorithms.ECAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)

FORGERIES: dict[str, Forgery] = {
    "alg none": lambda _, token: f"{encoded(orjson.dumps({'alg': 'none'}))}.{token.split('.')[1]}.",
    "alg none, signed": lambda app, token: resigned(app, token, header={"alg": "none"}),
    "alg None": lambda app, token: resigned(app, token, header={"alg": "NONE"}),
    "alg null": lambda app, token: resigned(app, token, header={"alg": None}),
    "alg a list": lambda app, token: resigned(app, token, header={"alg": ["ES256"]}),
    "HS256 with the public key as PEM": lambda app, token: hmac_signed(token, public_pem(app)),
    "HS256 with the public key as JWK": lambda app, token: hmac_signed(
        token, orjson.dumps(app.system.keys.jwks()["keys"][0])
    ),
    "HS256 with nothing": lambda _, token: hmac_signed(token, b""),
    "ES384": lambda _, token: jwt.encode(
        claims_of(token),
        generate_private_key(SECP384R1()),
        algorithm="ES384",
        headers={"typ": "at+jwt", "kid": header_of(token)["kid"]},
    ),
    "EdDSA": lambda _, token: jwt.encode(
        claims_of(token),
        Ed25519PrivateKey.generate(),
        algorithm="EdDSA",
        headers=header_of(token) | {"alg": "EdDSA"},
    ),
    "another key": lambda _, token: jwt.encode(
        claims_of(token), OTHER_KEY, algorithm="ES256", headers=header_of(token)
    ),
    "another key in the header": lambda _, token: jwt.encode(
        claims_of(token), OTHER_KEY, algorithm="ES256", headers={**header_of(token), "jwk": OTHER_JWK}
    ),
    "another key by address": lambda _, token: jwt.encode(
        claims_of(token),
        OTHER_KEY,
        algorithm="ES256",
        headers={**header_of(token), "jku": "http://127.0.0.1/"},
    ),
    "no typ": lambda app, token: resigned(app, token, header={"typ": None}),
    "typ JWT": lambda app, token: resigned(app, token, header={"typ": "JWT"}),
    "typ of a proof": lambda app, token: resigned(app, token, header={"typ": "dpop+jwt"}),
    "typ a list": lambda app, token: resigned(app, token, header={"typ": ["at+jwt"]}),
    "crit": lambda app, token: resigned(app, token, header={"crit": ["exp"]}),
    "empty crit": lambda app, token: resigned(app, token, header={"crit": []}),
    "b64 false": lambda app, token: resigned(app, token, header={"b64": False}),
    "zip": lambda app, token: resigned(app, token, header={"kid": "zip", "zip": "DEF"}),
    "no kid": lambda app, token: resigned(app, token, header={"kid": None}),
    "unknown kid": lambda app, token: resigned(app, token, header={"kid": "0" * 32}),
    "kid a path": lambda app, token: resigned(app, token, header={"kid": "../../dev/null"}),
    "kid SQL": lambda app, token: resigned(app, token, header={"kid": "' OR 1=1 --"}),
    "kid a number": lambda app, token: resigned(app, token, header={"kid": 1}),
    "kid a list": lambda app, token: resigned(app, token, header={"kid": [header_of(token)["kid"]]}),
    "kid an object": lambda app, token: resigned(app, token, header={"kid": {}}),
    "header no JSON": lambda app, token: signed(app, b"{", decoded(token.split(".")[1])),
    "header a list": lambda app, token: signed(app, b"[]", decoded(token.split(".")[1])),
    "header not UTF-8": lambda app, token: signed(app, b'{"a":"\xff"}', decoded(token.split(".")[1])),
    "payload no JSON": lambda app, token: signed(app, decoded(token.split(".")[0]), b"{"),
    "payload a list": lambda app, token: signed(app, decoded(token.split(".")[0]), b"[]"),
    "payload null": lambda app, token: signed(app, decoded(token.split(".")[0]), b"null"),
    "payload not UTF-8": lambda app, token: signed(app, decoded(token.split(".")[0]), b'{"a":"\xff"}'),
    "payload deep": lambda app, token: signed(app, decoded(token.split(".")[0]), b'{"a":' + b"[" * 1_500),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_header_or_signature_is_nobody(app: Application, name: str) -> None:
    ada = await app.signed_up()
    assert await is_nobody(app, FORGERIES[name](app, ada.access))


async def accepted(
    app: Application, ada: SignedIn, variations: Mapping[str, Mapping[str, object]]
) -> list[str]:
    return [
        name
        for name, changes in variations.items()
        if not await is_nobody(app, resigned(app, ada.access, header=None, **changes))
    ]


async def test_a_token_that_lacks_any_claim_is_nobody(app: Application) -> None:
    ada = await app.signed_up()
    assert await accepted(app, ada, {name: {name: None} for name in CLAIMS}) == []


WRONG: list[object] = [True, False, 1, 1.5, -1, "", "x", [], {}, ["x"], {"a": 1}, 2**63]


async def test_a_claim_of_another_type_is_nobody(app: Application) -> None:
    ada = await app.signed_up()
    variations = {
        f"{claim} {value!r}": {claim: value}
        for claim in ("iss", "aud", "sub", "sid", "jti")
        for value in WRONG
    }
    assert await accepted(app, ada, variations) == []


async def test_a_time_that_is_no_whole_number_is_nobody(app: Application) -> None:
    ada = await app.signed_up()
    later = claims_of(ada.access)["exp"]
    values: list[object] = [True, False, float(later) + 0.5, str(later), [later], {}, ""]
    variations = {f"{claim} {value!r}": {claim: value} for claim in ("exp", "iat") for value in values}
    assert await accepted(app, ada, variations) == []


async def test_a_token_of_another_time_place_or_person_is_nobody(app: Application) -> None:
    ada, eve = await app.signed_up(), await app.signed_up("eve")
    now = int(app.clock.now().timestamp())
    variations: dict[str, dict[str, object]] = {
        "expired now": {"exp": now},
        "expired long ago": {"exp": now - 3_600},
        "negative": {"exp": -1},
        "from the future": {"iat": now + 61},
        "not yet": {"nbf": now + 60},
        "no longer not yet": {"nbf": now - 60},
        "issuer's beginning": {"iss": "https://id.example.co"},
        "issuer and more": {"iss": "https://id.example.com/"},
        "issuer's look-alike": {"iss": "https://id.example.com.evil.example"},
        "issuer a list": {"iss": ["https://id.example.com"]},
        "audience a list": {"aud": ["authgql"]},
        "audience among others": {"aud": ["authgql", "other"]},
        "another audience": {"aud": "other"},
        "another account": {"sub": eve.user_id},
        "another account's session": {"sid": eve.session_id},
        "no such session": {"sid": str(uuid4())},
        "no such account": {"sub": str(uuid4())},
        "session as account": {"sub": ada.session_id},
    }
    assert await accepted(app, ada, variations) == []
    assert not await is_nobody(app, resigned(app, ada.access, iat=now + 60))


async def test_a_token_expires_at_its_second(make_app: MakeApp) -> None:
    app = await make_app(access_token_ttl=100)
    ada = await app.signed_up()
    app.clock.advance(99 - app.clock.now().microsecond / 1_000_000)
    assert not await is_nobody(app, ada.access)
    app.clock.advance(1)
    assert await is_nobody(app, ada.access)


async def test_only_the_compact_spelling_counts(app: Application) -> None:
    ada = await app.signed_up()
    header, payload, signature = ada.access.split(".")
    spellings = [
        f"{ada.access}=",
        f"{ada.access}==",
        f"{header}=.{payload}.{signature}",
        f"{ada.access}.",
        f".{ada.access}",
        f"{header}.{payload}",
        f"{header}.{payload}.",
        f"{header}..{signature}",
        f"{header}.{payload}.{signature}.{signature}.{signature}",
        f"{header}.{payload}. {signature}",
        f"{header}.{payload}.{signature[:-4]}",
        f"{header}.{payload}.{signature}AAAA",
        ada.access.swapcase(),
        ada.access.replace("-", "+").replace("_", "/") + "+",
        resigned(app, ada.access, filling="x" * 5_000),
        "",
        "x",
        "a.b.c",
        "...",
        orjson.dumps({"payload": payload, "signatures": [{"protected": header}]}).decode(),
    ]
    taken = [spelling[:60] for spelling in spellings if not await is_nobody(app, spelling)]
    assert taken == []


async def test_only_one_bearer_header_counts(app: Application) -> None:
    ada = await app.signed_up()
    values = [
        ada.access,
        f"Bearer  {ada.access}",
        f"Bearer\t{ada.access}",
        f"Bearer {ada.access} x",
        f"Bearer {ada.access}, Bearer {ada.access}",
        f"Basic {ada.access}",
        f"Bearer:{ada.access}",
        "Bearer",
        "Bearer ",
        "",
    ]
    taken = [value[:30] for value in values if not await authorized_as_nobody(app, value)]
    assert taken == []
    assert not await authorized_as_nobody(app, f"bearer {ada.access}")
    assert not await authorized_as_nobody(app, f"DPoP {ada.access}")  # not bound: the scheme binds nothing


async def test_two_headers_are_nobody(app: Application) -> None:
    ada = await app.signed_up()
    headers = [("authorization", f"Bearer {ada.access}")] * 2
    response = await app.client.post("/graphql", json={"query": ME}, headers=headers)
    assert response.json() == {"data": {"me": None}}


async def test_the_twin_of_a_signature_dies_with_the_session(app: Application) -> None:
    ada = await app.signed_up()
    header, payload, signature = ada.access.split(".")
    r, s = decoded(signature)[:32], int.from_bytes(decoded(signature)[32:])
    twin = f"{header}.{payload}.{encoded(r + (ORDER - s).to_bytes(32))}"
    await app.gql(LOGOUT, token=ada.access)
    assert await is_nobody(app, ada.access)
    assert await is_nobody(app, twin)


async def test_one_kind_of_token_is_no_other(app: Application) -> None:
    ada = await app.signed_up()
    assert await is_nobody(app, ada.refresh)
    assert (await app.refresh(ada.access))["__typename"] == "InvalidToken"
    mailed = await app.mail.token_for("ada@example.com")
    assert await is_nobody(app, mailed)
    assert (await app.refresh(mailed))["__typename"] == "InvalidToken"
    verify = "mutation ($token: String!) { verifyEmail(token: $token) { __typename } }"
    for token in (ada.access, ada.refresh):
        assert (await app.gql(verify, {"token": token})).only == {"__typename": "InvalidToken"}


async def test_a_token_that_names_no_key_of_ours_costs_no_statement(app: Application) -> None:
    ada = await app.signed_up()
    with app.counting() as statements:
        for name in ("alg none", "unknown kid", "kid SQL", "another key", "HS256 with nothing"):
            assert await is_nobody(app, FORGERIES[name](app, ada.access))
    assert statements == []


async def test_a_token_of_another_deployment_is_nobody(make_app: MakeApp) -> None:
    app = await make_app(audience="shop")
    ada = await app.signed_up()
    assert claims_of(ada.access)["aud"] == "shop"
    assert await is_nobody(app, resigned(app, ada.access, aud="authgql"))
