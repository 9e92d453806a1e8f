"""Nothing secret opens any other place than its own: every kind of string is tried in all of them."""

from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from conftest import MakeApp
from support.accounts import disavow, inspect_reset, request_reset, reset_password, verify_email
from support.app import PASSWORD, SECRET, Application, SignedIn
from support.dialects import no_database
from support.documents import LOGIN, ME, REFRESH, SESSIONS, TERMINATE
from support.links import token_on
from support.proofs import ProofKey, claims_at
from support.tokens import claims_of

CLIENT_SECRET: Final = "what-only-the-gateway-knows-0123456789"
OWN: Final = {"origin": "https://id.example.com"}
LOG: Final = "query ($after: String) { securityLog(first: 1, after: $after) { pageInfo { endCursor } } }"

pytestmark = no_database


def proof(app: Application, **claims: object) -> str:
    now = int(app.clock.now().timestamp())
    return ProofKey().proof(claims_at(now, htu="https://id.example.com/graphql", **claims))


# ---------------------------------------------------------------- where a string can be shown


async def as_bearer(app: Application, value: str) -> bool:
    return (await app.gql(ME, token=value)).body.get("data") != {"me": None}


async def as_access_cookie(app: Application, value: str) -> bool:
    answer = await app.gql(ME, headers={**OWN, "cookie": f"__Host-authgql-access={value}"})
    return answer.body.get("data") != {"me": None}


async def as_refresh_token(app: Application, value: str) -> bool:
    return bool((await app.refresh(value))["__typename"] != "InvalidToken")


async def as_refresh_cookie(app: Application, value: str) -> bool:
    answer = await app.gql(REFRESH, headers={**OWN, "cookie": f"__Host-authgql-refresh={value}"})
    app.client.cookies.clear()
    return bool(answer.only["__typename"] != "InvalidToken")


async def as_proof(app: Application, value: str) -> bool:
    return (await app.gql(ME, headers={"dpop": value})).codes != ["INVALID_DPOP_PROOF"]


async def as_nonce(app: Application, value: str) -> bool:
    return (await app.gql(ME, headers={"dpop": proof(app, nonce=value)})).codes != ["INVALID_DPOP_PROOF"]


async def as_verification(app: Application, value: str) -> bool:
    return bool((await verify_email(app, value))["__typename"] != "InvalidToken")


async def as_reset(app: Application, value: str) -> bool:
    return bool((await reset_password(app, value))["__typename"] != "InvalidToken")


async def as_inspected_reset(app: Application, value: str) -> bool:
    return bool((await inspect_reset(app, value))["__typename"] != "InvalidToken")


async def as_disavowal(app: Application, value: str) -> bool:
    return bool((await disavow(app, value))["__typename"] != "InvalidToken")


async def as_revocations_cursor(app: Application, value: str) -> bool:
    return (await app.client.get("/revocations", params={"since": value})).status_code != 400


async def as_introspected(app: Application, value: str) -> bool:
    auth = ("gateway", CLIENT_SECRET)
    response = await app.client.post("/oauth/introspect", data={"token": value}, auth=auth)
    return bool(response.json() != {"active": False})


async def as_client_secret(app: Application, value: str) -> bool:
    basic = b64encode(f"gateway:{value}".encode()).decode()
    headers = {"authorization": f"Basic {basic}"}
    response = await app.client.post("/oauth/introspect", data={"token": "x"}, headers=headers)
    return bool(response.status_code != 401)


async def as_password(app: Application, value: str) -> bool:
    answer = await app.gql(LOGIN, {"input": {"username": "ada", "password": value}})
    return bool(answer.only["__typename"] == "LoginSuccess")


async def as_username(app: Application, value: str) -> bool:
    answer = await app.gql(LOGIN, {"input": {"username": value, "password": PASSWORD}})
    return bool(answer.only["__typename"] == "LoginSuccess")


class Signed:
    """The places that need somebody signed in: they are Ada, who is not on trial."""

    def __init__(self, ada: SignedIn) -> None:
        self._ada = ada

    async def as_session_cursor(self, app: Application, value: str) -> bool:
        answer = await app.gql(SESSIONS, {"first": 1, "after": value}, token=self._ada.access)
        return answer.codes != ["BAD_USER_INPUT"]

    async def as_log_cursor(self, app: Application, value: str) -> bool:
        return (await app.gql(LOG, {"after": value}, token=self._ada.access)).codes != ["BAD_USER_INPUT"]

    async def as_device_cookie(self, app: Application, value: str) -> bool:
        devices = app.system.services.sign_in._devices  # noqa: SLF001 -- over HTTP it shows in mails alone
        account = UUID(self._ada.user_id)
        return devices.recognise(value, account, since=datetime.fromtimestamp(0, UTC)) is not None

    async def as_session_id(self, app: Application, value: str) -> bool:
        answer = await app.gql(TERMINATE, {"id": value}, token=self._ada.access)
        return bool(answer.only["__typename"] != "SessionNotFound")


Place = Callable[[Application, str], Awaitable[bool]]


def places(ada: SignedIn) -> dict[str, Place]:
    """Return every place, those that use their string up or end sessions last."""
    signed = Signed(ada)
    return {
        "bearer": as_bearer,
        "access cookie": as_access_cookie,
        "introspected token": as_introspected,
        "client secret": as_client_secret,
        "proof": as_proof,
        "nonce": as_nonce,
        "session cursor": signed.as_session_cursor,
        "log cursor": signed.as_log_cursor,
        "revocations cursor": as_revocations_cursor,
        "device cookie": signed.as_device_cookie,
        "username": as_username,
        "password": as_password,
        "inspected reset": as_inspected_reset,
        "verification": as_verification,
        "refresh token": as_refresh_token,
        "refresh cookie": as_refresh_cookie,
        "session id": signed.as_session_id,
        "reset": as_reset,
        "disavowal": as_disavowal,
    }


# ---------------------------------------------------------------- the strings, each with its own places


FITS: Final[Mapping[str, set[str]]] = {
    "access token": {"bearer", "access cookie", "introspected token"},
    "refresh token": {"refresh token", "refresh cookie"},
    "proof": {"proof"},
    "nonce": {"nonce"},
    "verification link": {"verification"},
    "reset link": {"inspected reset", "reset"},
    "session cursor": {"session cursor"},
    "log cursor": {"log cursor"},
    "revocations cursor": {"revocations cursor"},
    "device cookie": {"device cookie"},
    "disavowal link": {"disavowal"},
    "client secret": {"client secret"},
    "password": {"password"},
    "session id": {"session id"},
}


async def strings(app: Application, ada: SignedIn) -> dict[str, str]:
    """Return one living string of every kind, and everything that a look into the database shows."""
    device = app.client.cookies["__Host-authgql-device"]
    app.client.cookies.clear()  # so that the next login is one by a new device
    other = await app.login()
    app.client.cookies.clear()
    page = (await app.gql(SESSIONS, {"first": 1}, token=ada.access)).only["pageInfo"]
    log = (await app.gql(LOG, {"after": None}, token=ada.access)).only["pageInfo"]
    demand = await app.gql(ME, headers={"dpop": proof(app, nonce="")})
    revocations = (await app.client.get("/revocations")).text
    await request_reset(app, "ada@example.com")
    return {
        "access token": other.access,
        "refresh token": other.refresh,
        "proof": proof(app),
        "nonce": demand.headers["dpop-nonce"],
        "verification link": await token_on(app, "verify-email", "ada@example.com"),
        "reset link": await token_on(app, "reset-password", "ada@example.com"),
        "session cursor": page["endCursor"],
        "log cursor": log["endCursor"],
        "revocations cursor": claims_of(revocations)["next"],
        "revocations": revocations,
        "device cookie": device,
        "disavowal link": await token_on(app, "disavow", "ada@example.com"),
        "client secret": CLIENT_SECRET,
        "password": PASSWORD,
        "session id": other.session_id,
        "secret key": SECRET,
        "key id": app.system.keys.current.kid,
        "user id": ada.user_id,
        **await stored(app),
    }


async def stored(app: Application) -> dict[str, str]:
    """Return what somebody holds who copied the database: hashes, sealed values, and pseudonyms."""
    eve = await app.signed_up("eve")
    await app.refresh(eve.refresh)  # so that a successor is sealed
    app.mail.refuse = "451 try again later"  # so that a mail stays
    await request_reset(app, "eve@example.com")
    columns = {
        "one_time_links": ("token_hash",),
        "refresh_tokens": ("token_hash", "sealed_successor"),
        "accounts": ("password_hash", "pseudonym"),
        "sessions": ("token_id",),
        "signing_keys": ("sealed_private_key", "public_jwk"),
        "outbox_mails": ("sealed_content",),
    }
    found: dict[str, str] = {}
    for table, names in columns.items():
        for name in names:
            rows = await app.rows(f"SELECT {name} AS value FROM {table} WHERE {name} IS NOT NULL")  # noqa: S608
            assert rows, f"no {table}.{name}"
            found |= {f"{table}.{name} {number}": str(row["value"]) for number, row in enumerate(rows)}
    app.mail.refuse = None
    return found


@pytest.fixture
async def service(make_app: MakeApp) -> Application:
    return await make_app(introspection_clients={"gateway": CLIENT_SECRET})


async def test_no_string_is_taken_in_the_place_of_another(service: Application) -> None:
    ada = await service.signed_up()
    kinds = await strings(service, ada)
    taken = [
        f"{kind} as {name}"
        for name, place in places(ada).items()
        for kind, value in kinds.items()
        if name not in FITS.get(kind, set()) and await place(service, value)
    ]
    assert taken == []


async def test_every_string_is_taken_in_its_own_place(service: Application) -> None:
    ada = await service.signed_up()
    kinds = await strings(service, ada)
    refused = [
        f"{kind} as {name}"
        for name, place in places(ada).items()
        for kind, fitting in FITS.items()
        if name in fitting and not await place(service, kinds[kind])
    ]
    assert refused == []
    assert set().union(*FITS.values()) | {"username"} == set(places(ada))


async def test_a_copied_hash_or_sealed_value_opens_nothing_either_with_its_prefix(
    service: Application,
) -> None:
    ada = await service.signed_up()
    copied: Any = await stored(service)
    for value in copied.values():
        for prefix, place in (("agr_", as_refresh_token), ("agl_", as_verification), ("agl_", as_reset)):
            assert not await place(service, prefix + value[:43])
    assert await as_bearer(service, ada.access)
