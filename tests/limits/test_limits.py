import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import MakeApp
from limits import RateLimitItemPerHour, RateLimitItemPerMinute
from support.accounts import (
    RESET_TOKEN,
    WRONG_PASSWORD,
    change_password,
    delete_account,
    login,
    newest_event,
    reauthenticate,
    register,
    request_reset,
    resend,
    reset_password,
    update_profile,
    verify_email,
)
from support.app import Application, SignedIn, together
from support.dialects import no_database

from authgql.limits.policy import POLICIES, Attempt, Policy
from authgql.limits.service import network

FEW = 3
UNKNOWN = "A" * 43


@dataclass
class Person:
    """Somebody with an account, and how many calls were made for them."""

    app: Application
    name: str
    signed_in: SignedIn
    calls: int = 0

    def elsewhere(self, app: Application) -> "Person":
        return Person(app, self.name, self.signed_in, self.calls)

    @property
    def access(self) -> str:
        return self.signed_in.access

    @property
    def fresh_name(self) -> str:
        self.calls += 1
        return f"{self.name}{self.calls}"


Call = Callable[[Person], Awaitable[Any]]


async def registering(one: Person) -> Any:
    name = one.fresh_name
    return await register(one.app, name, f"{name}@example.com")


async def guessing(one: Person) -> Any:
    return await login(one.app, one.name, WRONG_PASSWORD)


async def guessing_everybodys(one: Person) -> Any:
    return await login(one.app, one.fresh_name, WRONG_PASSWORD)


async def refreshing(one: Person) -> Any:
    return await one.app.refresh(f"agr_{UNKNOWN}")


async def reauthenticating(one: Person) -> Any:
    return await reauthenticate(one.app, one.access, WRONG_PASSWORD)


async def changing_password(one: Person) -> Any:
    return await change_password(one.app, one.access, current=WRONG_PASSWORD)


async def deleting(one: Person) -> Any:
    return await delete_account(one.app, one.access, WRONG_PASSWORD)


async def updating(one: Person) -> Any:
    return await update_profile(one.app, one.access, firstName=one.fresh_name)


async def asking_for_a_reset(one: Person) -> Any:
    return await request_reset(one.app, f"{one.name}@example.com")


async def asking_for_everybodys_reset(one: Person) -> Any:
    return await request_reset(one.app, f"{one.fresh_name}@example.com")


async def verifying(one: Person) -> Any:
    return await verify_email(one.app, f"agl_{UNKNOWN}")


async def resetting(one: Person) -> Any:
    return await reset_password(one.app, f"agl_{UNKNOWN}")


async def resending(one: Person) -> Any:
    return await resend(one.app, one.access)


BY_ACCOUNT = {
    guessing: Attempt.LOGIN,
    reauthenticating: Attempt.CONFIRM_PASSWORD,
    changing_password: Attempt.CONFIRM_PASSWORD,
    deleting: Attempt.CONFIRM_PASSWORD,
    updating: Attempt.UPDATE_PROFILE,
    asking_for_a_reset: Attempt.RESET_REQUEST,
    resending: Attempt.RESEND_VERIFICATION,
}
BY_NETWORK = {
    registering: Attempt.REGISTER,
    guessing_everybodys: Attempt.LOGIN,
    refreshing: Attempt.REFRESH,
    asking_for_everybodys_reset: Attempt.RESET_REQUEST,
    verifying: Attempt.USE_LINK,
    resetting: Attempt.USE_LINK,
}
by_account = pytest.mark.parametrize(("call", "attempt"), BY_ACCOUNT.items())
by_network = pytest.mark.parametrize(("call", "attempt"), BY_NETWORK.items())
everything = pytest.mark.parametrize(
    ("call", "attempt", "scope"),
    [(call, attempt, "per_account") for call, attempt in BY_ACCOUNT.items()]
    + [(call, attempt, "per_network") for call, attempt in BY_NETWORK.items()],
)


class Later:
    """The machine's clock, which the limits go by, moved on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real, self.seconds = time.time, 0.0
        monkeypatch.setattr(time, "time", lambda: real() + self.seconds)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Later:
    later = Later(monkeypatch)
    later.seconds = 3600 - time.time() % 3600 + 1  # in the first seconds of a window, so that none ends
    return later


@pytest.fixture
async def app(make_app: MakeApp, later: Later) -> Application:
    assert later.seconds > 0
    return await make_app(rate_limits=True)


@pytest.fixture
async def ada(app: Application) -> Person:
    return Person(app, "ada", await app.signed_up("ada"))


def allow_few(
    monkeypatch: pytest.MonkeyPatch, attempt: Attempt, scope: str, *, per: type = RateLimitItemPerMinute
) -> None:
    """Let it be tried a few times; done after signing up, which counts too, under another figure's key."""
    few = per(FEW)
    account, net = (few, None) if scope == "per_account" else (None, few)
    monkeypatch.setitem(POLICIES, attempt, Policy(per_account=account, per_network=net))


async def exhaust(call: Call, person: Person) -> Any:
    """Call as often as is let through, and return the answer of the call after that."""
    for _ in range(FEW):
        assert (await call(person))["__typename"] != "RateLimited"
    return await call(person)


@everything
async def test_too_many_attempts_are_refused_with_evidence(
    ada: Person, monkeypatch: pytest.MonkeyPatch, call: Call, attempt: Attempt, scope: str
) -> None:
    allow_few(monkeypatch, attempt, scope)
    result = await exhaust(call, ada)
    assert (result["__typename"], result["code"]) == ("RateLimited", "RATE_LIMITED")
    assert 55 < result["retryAfter"] <= 60
    assert str(result["retryAfter"]) in result["message"]
    event = await newest_event(ada.app)
    assert (event["kind"], event["ip_address"]) == ("limit.reached", "127.0.0.1")
    assert attempt.value in event["detail"]


@everything
@no_database
async def test_the_next_attempt_is_let_through_when_it_was_said_and_not_sooner(  # noqa: PLR0917 -- fixtures
    ada: Person,
    later: Later,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    attempt: Attempt,
    scope: str,
) -> None:
    allow_few(monkeypatch, attempt, scope)
    wait = (await exhaust(call, ada))["retryAfter"]
    later.seconds += wait - 2
    assert (await call(ada))["__typename"] == "RateLimited"
    later.seconds += 2
    assert (await call(ada))["__typename"] != "RateLimited"


@no_database
async def test_the_wait_stays_true_for_as_long_as_somebody_goes_on_trying(
    ada: Person, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "per_account")
    result = await exhaust(guessing, ada)
    for _ in range(2 * FEW):
        later.seconds += result["retryAfter"]
        assert (await guessing(ada))["__typename"] == "InvalidCredentials"
        result = await guessing(ada)
        assert result["__typename"] == "RateLimited"


@no_database
async def test_nobody_gets_more_than_a_windows_attempts_within_any_window_but_one(
    ada: Person, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "per_account")
    let_through = []
    for second in range(300):
        if (await guessing(ada))["__typename"] != "RateLimited":
            let_through.append(second)
        later.seconds += 1
    assert len(let_through) <= FEW * 5 + 1
    assert max(sum(start <= at < start + 60 for at in let_through) for start in range(240)) <= FEW + 1


@by_account
@no_database
async def test_another_account_is_not_held_up(
    ada: Person, monkeypatch: pytest.MonkeyPatch, call: Call, attempt: Attempt
) -> None:
    eve = Person(ada.app, "eve", await ada.app.signed_up("eve"))
    allow_few(monkeypatch, attempt, "per_account")
    assert (await exhaust(call, ada))["__typename"] == "RateLimited"
    assert (await call(eve))["__typename"] != "RateLimited"


@by_account
@no_database
async def test_an_accounts_limit_holds_wherever_the_attempts_come_from(
    ada: Person, monkeypatch: pytest.MonkeyPatch, call: Call, attempt: Attempt
) -> None:
    allow_few(monkeypatch, attempt, "per_account")
    await exhaust(call, ada)
    async with ada.app.called_from("203.0.113.9") as elsewhere:
        assert (await call(ada.elsewhere(elsewhere)))["__typename"] == "RateLimited"


@by_network
@no_database
async def test_another_network_is_not_held_up(
    ada: Person, monkeypatch: pytest.MonkeyPatch, call: Call, attempt: Attempt
) -> None:
    allow_few(monkeypatch, attempt, "per_network")
    assert (await exhaust(call, ada))["__typename"] == "RateLimited"
    async with ada.app.called_from("203.0.113.9") as elsewhere:
        assert (await call(ada.elsewhere(elsewhere)))["__typename"] != "RateLimited"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.9", "::ffff:203.0.113.9", True),
        ("203.0.113.9", "203.0.113.8", False),
    ],
)
@no_database
async def test_one_clients_addresses_are_one_network(
    app: Application, monkeypatch: pytest.MonkeyPatch, ada: Person, first: str, second: str, *, same: bool
) -> None:
    allow_few(monkeypatch, Attempt.REFRESH, "per_network")
    async with app.called_from(first) as here, app.called_from(second) as there:
        await exhaust(refreshing, ada.elsewhere(here))
        result = await refreshing(ada.elsewhere(there))
    assert (result["__typename"] == "RateLimited") is same


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 -- a peer without an address
    ],
)
def test_a_network_is_what_one_client_can_hold(address: str, key: str) -> None:
    assert network(address) == key


@no_database
async def test_a_success_does_not_clear_the_failures(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "per_account")
    assert (await guessing(ada))["__typename"] == "InvalidCredentials"
    assert (await guessing(ada))["__typename"] == "InvalidCredentials"
    assert (await login(ada.app, "ada"))["__typename"] == "LoginSuccess"
    assert (await guessing(ada))["__typename"] == "RateLimited"
    assert (await login(ada.app, "ada"))["__typename"] == "RateLimited"


@pytest.mark.parametrize("spellings", [("ada", "ADA", "Ada", "aDA"), ("ada@example.com", "ADA@EXAMPLE.COM")])
@no_database
async def test_spellings_of_one_name_share_their_attempts(
    ada: Person, monkeypatch: pytest.MonkeyPatch, spellings: tuple[str, ...]
) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "per_account")
    guesses = [spellings[number % len(spellings)] for number in range(FEW + 1)]
    results = [await login(ada.app, name, WRONG_PASSWORD) for name in guesses]
    assert [result["__typename"] for result in results] == ["InvalidCredentials"] * FEW + ["RateLimited"]


@no_database
async def test_spellings_of_one_address_share_their_resets(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.RESET_REQUEST, "per_account", per=RateLimitItemPerHour)
    spellings = ["ada@example.com", "ADA@example.com", "ada@EXAMPLE.com", "\uff41da@example.com"]
    results = [await request_reset(ada.app, email) for email in spellings]
    assert [result["__typename"] for result in results] == ["PasswordResetRequested"] * FEW + ["RateLimited"]


@no_database
async def test_a_name_that_nobody_has_is_limited_as_one_that_somebody_has(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "per_account")
    nobody = Person(ada.app, "nobody", ada.signed_in)
    known, unknown = await exhaust(guessing, ada), await exhaust(guessing, nobody)
    assert known["__typename"] == unknown["__typename"] == "RateLimited"


async def test_attempts_at_once_are_counted_one_by_one(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "per_account")
    results = await together(*(guessing(ada) for _ in range(16)))
    kinds = [result["__typename"] for result in results]
    assert kinds.count("InvalidCredentials") == FEW
    assert kinds.count("RateLimited") == 16 - FEW
    assert (await ada.app.events()).count("limit.reached") == 1


async def test_a_flood_leaves_evidence_once_a_minute_of_each_who_floods(
    ada: Person, later: Later, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = Person(ada.app, "eve", await ada.app.signed_up("eve"))
    allow_few(monkeypatch, Attempt.RESEND_VERIFICATION, "per_account", per=RateLimitItemPerHour)
    for one in (ada, eve):
        await exhaust(resending, one)
        await resending(one)
    assert (await ada.app.events()).count("limit.reached") == 2
    later.seconds += 120
    assert (await resending(ada))["__typename"] == "RateLimited"
    assert (await ada.app.events()).count("limit.reached") == 3


async def test_where_the_union_has_no_such_member_the_limit_is_an_error(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.USE_LINK, "per_network")
    await exhaust(verifying, ada)
    answer = await ada.app.gql(RESET_TOKEN, {"token": f"agl_{UNKNOWN}"})
    assert (answer.status, answer.codes, answer.body["data"]) == (200, ["RATE_LIMITED"], None)
    assert (await newest_event(ada.app))["kind"] == "limit.reached"


@no_database
async def test_attempts_of_one_kind_never_count_for_another(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.CONFIRM_PASSWORD, "per_account")
    await exhaust(reauthenticating, ada)
    assert (await login(ada.app, "ada"))["__typename"] == "LoginSuccess"
    assert (await updating(ada))["__typename"] == "UpdateProfileSuccess"


@no_database
async def test_ten_guesses_a_minute_are_what_an_account_can_take(ada: Person) -> None:
    results = [await guessing(ada) for _ in range(10)]  # the sign-in before them was one
    assert [result["__typename"] for result in results] == ["InvalidCredentials"] * 9 + ["RateLimited"]


@no_database
async def test_without_limits_nobody_is_held_up(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=False)
    ada = Person(app, "ada", await app.signed_up())
    results = [await guessing(ada) for _ in range(30)]
    assert {result["__typename"] for result in results} == {"InvalidCredentials"}


def test_every_attempt_has_a_policy() -> None:
    assert set(POLICIES) == set(Attempt)
    assert all(policy.per_account or policy.per_network for policy in POLICIES.values())
