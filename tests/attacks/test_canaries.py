"""No secret stands anywhere but where it belongs: not in the log, not in the database, not in an answer.

The flows are all there are; what the log shows of mistakes and of debugging is in test_secrets_in_logs.py.
"""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from support.accounts import (
    CHANGE_PASSWORD,
    DELETE_ACCOUNT,
    DISAVOW,
    REAUTHENTICATE,
    REQUEST_RESET,
    RESEND,
    RESET_PASSWORD,
    RESET_TOKEN,
    UPDATE_PROFILE,
    VERIFY_EMAIL,
)
from support.app import SECRET, Application
from support.contents import everything_in
from support.documents import LOGIN, LOGOUT, ME, REFRESH, REGISTER, SESSIONS
from support.links import token_on

FIRST, SECOND, THIRD, WRONG = (
    f"canary-{word}-umbrella-27" for word in ("violet", "granite", "lantern", "omelette")
)
ADA, NEW = "ada@example.com", "new@example.com"
RENEW = REAUTHENTICATE.replace("session { id }", "session { id } tokens { accessToken refreshToken }")
LOG = "{ securityLog(first: 100) { nodes { id kind detail device { name userAgent } } } }"


@dataclass
class Flight:
    """Runs operations, and keeps all answers and all secrets that were met."""

    app: Application
    secrets: dict[str, str] = field(default_factory=dict)
    answers: list[tuple[str, str]] = field(default_factory=list)

    def secret(self, name: str, value: str) -> str:
        """Note a secret, and that the newest answer may carry it if that is where it came from."""
        self.secrets[name] = value
        return value

    async def send(self, query: str, variables: dict[str, object] | None = None, token: str = "") -> Any:
        answer = await self.app.gql(query, variables, token=token or None)
        self.answers.append((query, orjson.dumps([answer.body, dict(answer.headers)]).decode()))
        return answer.body

    async def put(self, query: str, access: str = "", /, **given: str) -> Any:
        (result,) = (await self.send(query, {"input": given}, access))["data"].values()
        return result

    def issued(self, result: Any, name: str) -> tuple[str, str]:
        """Note the tokens of an answer, which alone may carry them."""
        tokens = result["tokens"]
        query, text = self.answers.pop()
        for kind in ("accessToken", "refreshToken"):
            if tokens[kind]:
                self.secret(f"{name}: {kind}", tokens[kind])
                text = text.replace(tokens[kind], "", 1)
        self.answers.append((query, text))
        return tokens["accessToken"], tokens["refreshToken"]


async def fly(app: Application) -> Flight:
    """Go through every flow there is, its failures too."""
    flight = Flight(app)
    for name, value in {"first": FIRST, "second": SECOND, "third": THIRD, "wrong": WRONG}.items():
        flight.secret(f"{name} password", value)
    await flight.put(REGISTER, username="ada", email=ADA, password=FIRST)
    await flight.put(REGISTER, username="ada", email=ADA, password=FIRST)
    await flight.put(REGISTER, username="\0", email="\0", password=WRONG)
    await flight.put(LOGIN, username="ada", password=WRONG)
    await flight.put(LOGIN, username="ada", password=f"{WRONG}\0")
    await flight.put(LOGIN, username="nobody", password=WRONG)
    access, refresh = flight.issued(await flight.put(LOGIN, username="ada", password=FIRST), "login")
    access, newer = flight.issued(await flight.put(REFRESH, refreshToken=refresh), "refresh")
    flight.issued(await flight.put(REFRESH, refreshToken=refresh), "repeat")
    access, _ = flight.issued(await flight.put(RENEW, access, password=FIRST), "reauthenticate")
    await flight.put(REAUTHENTICATE, access, password=WRONG)
    await verify(flight, ADA, access)
    await flight.put(UPDATE_PROFILE, access, email=NEW)
    await verify(flight, NEW, access)
    await flight.put(CHANGE_PASSWORD, access, currentPassword=WRONG, newPassword=SECOND)
    await flight.put(CHANGE_PASSWORD, access, currentPassword=FIRST, newPassword=SECOND)
    await look_around(flight, access)
    app.clock.advance(60)
    await flight.put(REFRESH, refreshToken=refresh)  # reuse
    await flight.put(REFRESH, refreshToken=newer)
    await reset(flight)
    access, _ = flight.issued(await flight.put(LOGIN, username="ada", password=THIRD), "second login")
    await look_around(flight, access)
    await flight.send(LOGOUT, token=access)
    await flight.send(ME, token=access)
    access, _ = flight.issued(await flight.put(LOGIN, username="ada", password=THIRD), "third login")
    await disown(flight)
    await flight.put(DELETE_ACCOUNT, access, password=WRONG)
    return flight


async def verify(flight: Flight, address: str, access: str) -> None:
    await flight.send(RESEND, token=access)
    token = flight.secret(f"link to {address}", await token_on(flight.app, "verify-email", address, 2))
    await flight.send(VERIFY_EMAIL, {"token": token})
    await flight.send(VERIFY_EMAIL, {"token": token})
    await flight.send(RESEND, token=access)


async def reset(flight: Flight) -> None:
    await flight.send(REQUEST_RESET, {"email": NEW})
    token = flight.secret("reset link", await token_on(flight.app, "reset-password", NEW))
    await flight.send(RESET_TOKEN, {"token": token})
    await flight.put(RESET_PASSWORD, token=token, newPassword="password")
    await flight.put(RESET_PASSWORD, token=token, newPassword=THIRD)
    await flight.put(RESET_PASSWORD, token=token, newPassword=THIRD)


async def disown(flight: Flight) -> None:
    async with flight.app.elsewhere() as other:
        theirs = await other.login(password=THIRD)
    flight.secret("stranger: accessToken", theirs.access)
    flight.secret("stranger: refreshToken", theirs.refresh)
    token = flight.secret("disavow link", await token_on(flight.app, "disavow", NEW))
    await flight.send(DISAVOW, {"token": token})
    await flight.send(DISAVOW, {"token": token})


async def look_around(flight: Flight, access: str) -> None:
    await flight.send(SESSIONS, {"status": None}, access)
    await flight.send(LOG, token=access)
    await flight.send(ME, token=access)


def parts_of(secret: str) -> list[str]:
    """Return what must not be found of a secret: all of it and, of a token, its telling part."""
    return [secret, secret[-40:]]


async def test_no_flow_leaves_a_secret_behind(
    app: Application, every_log: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    flight = await fly(app)
    await app.mail.wait_for(NEW, 4)
    places = await everything_in(app)
    places["log"] = every_log.text + "".join(capfd.readouterr())
    assert "login.refused" in places["log"]
    for name, secret in {**flight.secrets, "key": SECRET}.items():
        for place, text in places.items():
            assert not [part for part in parts_of(secret) if part in text], f"{name} in {place}"
        for query, text in flight.answers:
            assert secret not in text, f"{name} in the answer to {query}"
    kinds = {"session.started", "token.reused", "password.reset", "email.changed", "device.disowned"}
    assert kinds <= set(await app.events())


@pytest.mark.parametrize(
    "given",
    [
        {"username": "ada", "password": WRONG, "more": 1},
        {"password": WRONG},
        {"username": "ada", "password": [WRONG]},
        {"username": "ada", "password": {"is": WRONG}},
    ],
)
async def test_an_input_that_cannot_be_read_is_not_repeated_in_the_answer(
    app: Application, given: dict[str, object]
) -> None:
    answer = await app.gql(LOGIN, {"input": given})
    assert answer.codes == ["BAD_USER_INPUT"]
    assert WRONG not in str(answer.body)
