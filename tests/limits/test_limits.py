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

from authgql.core.networks import network
from authgql.limits.policy import POLICIES, Attempt, Policy, rates

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
    return await one.app.refresh(one.signed_in.refresh)


async def trying_to_refresh(one: Person) -> Any:
    return await one.app.refresh(f"agr_{UNKNOWN}")


async def reauthenticating(one: Person) -> Any:
    return await reauthenticate(one.app, one.access, WRONG_PASSWORD)


async def changing_password(one: Person) -> Any:
    return await change_password(one.app, one.access, current=WRONG_PASSWORD)


async def deleting(one: Person) -> Any:
    return await delete_account(one.app, one.access, WRONG_PASSWORD)


async def updating(one: Person) -> Any:
    return await update_profile(one.app, one.access, firstName=one.fresh_name)


async def changing_address(one: Person) -> Any:
    return await update_profile(one.app, one.access, email=f"{one.fresh_name}@example.org")


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
    updating: Attempt.UPDATE_PROFILE,
    changing_address: Attempt.CHANGE_EMAIL,
    asking_for_a_reset: Attempt.RESET_REQUEST,
    resending: Attempt.RESEND_VERIFICATION,
    refreshing: Attempt.REFRESH,
}
BY_SESSION = {
    reauthenticating: Attempt.CONFIRM_PASSWORD,
    changing_password: Attempt.CONFIRM_PASSWORD,
    deleting: Attempt.CONFIRM_PASSWORD,
}
BY_NETWORK = {
    registering: Attempt.REGISTER,
    guessing_everybodys: Attempt.LOGIN,
    trying_to_refresh: Attempt.REFRESH,
    asking_for_everybodys_reset: Attempt.RESET_REQUEST,
    verifying: Attempt.USE_LINK,
    resetting: Attempt.USE_LINK,
}
by_account = pytest.mark.parametrize(("call", "attempt"), BY_ACCOUNT.items())
by_network = pytest.mark.parametrize(("call", "attempt"), BY_NETWORK.items())
everything = pytest.mark.parametrize(
    ("call", "attempt", "scope"),
    [
        *((call, attempt, "account") for call, attempt in BY_ACCOUNT.items()),
        *((call, attempt, "known") for call, attempt in BY_SESSION.items()),
        *((call, attempt, "network") for call, attempt in BY_NETWORK.items()),
        *((call, attempt, "overall") for call, attempt in BY_NETWORK.items()),
        (guessing, Attempt.LOGIN, "both"),
        (asking_for_a_reset, Attempt.RESET_REQUEST, "both"),
    ],
)


@pytest.fixture
async def app(make_app: MakeApp) -> Application:
    return await make_app(rate_limits=True)


@pytest.fixture
async def ada(app: Application) -> Person:
    return await person(app, "ada")


async def person(app: Application, name: str) -> Person:
    """Somebody whose client keeps no cookies: a stranger at each login."""
    signed_in = await app.signed_up(name)
    app.client.cookies.clear()
    return Person(app, name, signed_in)


def allow_few(
    monkeypatch: pytest.MonkeyPatch, attempt: Attempt, scope: str, *, per: type = RateLimitItemPerMinute
) -> None:
    """Let it be tried a few times; done after signing up, which counts too, under another figure's key."""
    figures: Any = {scope: [per(FEW)]}
    monkeypatch.setitem(POLICIES, attempt, Policy(**figures))


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
    assert result["retryAfter"] == 60
    assert str(result["retryAfter"]) in result["message"]
    event = await newest_event(ada.app)
    assert (event["kind"], event["ip_address"]) == ("limit.reached", "127.0.0.1")
    assert attempt.value in event["detail"]


@everything
@no_database
async def test_the_next_attempt_is_let_through_when_it_was_said_and_not_sooner(
    ada: Person,
    monkeypatch: pytest.MonkeyPatch,
    call: Call,
    attempt: Attempt,
    scope: str,
) -> None:
    allow_few(monkeypatch, attempt, scope)
    wait = (await exhaust(call, ada))["retryAfter"]
    ada.app.clock.advance(wait - 1)
    assert (await call(ada))["__typename"] == "RateLimited"
    ada.app.clock.advance(1)
    assert (await call(ada))["__typename"] != "RateLimited"


@no_database
async def test_the_wait_stays_true_for_as_long_as_somebody_goes_on_trying(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "account")
    for _ in range(FEW):
        await guessing(ada)
        ada.app.clock.advance(7)
    result = await guessing(ada)
    for _ in range(2 * FEW):
        ada.app.clock.advance(result["retryAfter"])
        assert (await guessing(ada))["__typename"] == "InvalidCredentials"
        result = await guessing(ada)
        assert result["__typename"] == "RateLimited"


@no_database
async def test_nobody_gets_more_than_a_windows_attempts_within_any_window(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "account")
    let_through = []
    for second in range(300):
        if (await guessing(ada))["__typename"] != "RateLimited":
            let_through.append(second)
        ada.app.clock.advance(1)
    assert len(let_through) == FEW * 5
    assert max(sum(start <= at < start + 60 for at in let_through) for start in range(240)) == FEW


@by_account
@no_database
async def test_another_account_is_not_held_up(
    ada: Person, monkeypatch: pytest.MonkeyPatch, call: Call, attempt: Attempt
) -> None:
    eve = await person(ada.app, "eve")
    allow_few(monkeypatch, attempt, "account")
    assert (await exhaust(call, ada))["__typename"] == "RateLimited"
    assert (await call(eve))["__typename"] != "RateLimited"


@by_account
@no_database
async def test_an_accounts_limit_holds_wherever_the_attempts_come_from(
    ada: Person, monkeypatch: pytest.MonkeyPatch, call: Call, attempt: Attempt
) -> None:
    allow_few(monkeypatch, attempt, "account")
    await exhaust(call, ada)
    async with ada.app.called_from("203.0.113.9") as elsewhere:
        assert (await call(ada.elsewhere(elsewhere)))["__typename"] == "RateLimited"


@by_network
@no_database
async def test_another_network_is_not_held_up(
    ada: Person, monkeypatch: pytest.MonkeyPatch, call: Call, attempt: Attempt
) -> None:
    allow_few(monkeypatch, attempt, "network")
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
    allow_few(monkeypatch, Attempt.REFRESH, "network")
    async with app.called_from(first) as here, app.called_from(second) as there:
        await exhaust(trying_to_refresh, ada.elsewhere(here))
        result = await trying_to_refresh(ada.elsewhere(there))
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
    allow_few(monkeypatch, Attempt.LOGIN, "account")
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
    allow_few(monkeypatch, Attempt.LOGIN, "account")
    guesses = [spellings[number % len(spellings)] for number in range(FEW + 1)]
    results = [await login(ada.app, name, WRONG_PASSWORD) for name in guesses]
    assert [result["__typename"] for result in results] == ["InvalidCredentials"] * FEW + ["RateLimited"]


@no_database
async def test_spellings_of_one_address_share_their_resets(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.RESET_REQUEST, "account", per=RateLimitItemPerHour)
    spellings = ["ada@example.com", "ADA@example.com", "ada@EXAMPLE.com", "\uff41da@example.com"]
    results = [await request_reset(ada.app, email) for email in spellings]
    assert [result["__typename"] for result in results] == ["PasswordResetRequested"] * FEW + ["RateLimited"]


@no_database
async def test_a_name_that_nobody_has_is_limited_as_one_that_somebody_has(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "account")
    nobody = Person(ada.app, "nobody", ada.signed_in)
    known, unknown = await exhaust(guessing, ada), await exhaust(guessing, nobody)
    assert known["__typename"] == unknown["__typename"] == "RateLimited"


async def test_attempts_at_once_are_counted_one_by_one(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_few(monkeypatch, Attempt.LOGIN, "account")
    results = await together(*(guessing(ada) for _ in range(16)))
    kinds = [result["__typename"] for result in results]
    assert kinds.count("InvalidCredentials") == FEW
    assert kinds.count("RateLimited") == 16 - FEW
    assert (await ada.app.events()).count("limit.reached") == 1


async def test_a_flood_leaves_evidence_once_a_minute_of_each_who_floods(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = await person(ada.app, "eve")
    allow_few(monkeypatch, Attempt.RESEND_VERIFICATION, "account", per=RateLimitItemPerHour)
    for one in (ada, eve):
        await exhaust(resending, one)
        await resending(one)
    assert (await ada.app.events()).count("limit.reached") == 2
    ada.app.clock.advance(120)
    assert (await resending(ada))["__typename"] == "RateLimited"
    assert (await ada.app.events()).count("limit.reached") == 3


async def test_where_the_union_has_no_such_member_the_limit_is_an_error(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.USE_LINK, "network")
    await exhaust(verifying, ada)
    answer = await ada.app.gql(RESET_TOKEN, {"token": f"agl_{UNKNOWN}"})
    assert (answer.status, answer.codes, answer.body["data"]) == (200, ["RATE_LIMITED"], None)
    assert (await newest_event(ada.app))["kind"] == "limit.reached"


@no_database
async def test_attempts_of_one_kind_never_count_for_another(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.CONFIRM_PASSWORD, "known")
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
    ada = await person(app, "ada")
    results = [await guessing(ada) for _ in range(30)]
    assert {result["__typename"] for result in results} == {"InvalidCredentials"}


@no_database
async def test_strangers_use_nothing_up_of_a_browser_that_signed_in_before(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.register()
    await app.login()  # whose client keeps the device cookie
    figures = rates(f"{FEW}/minute")
    monkeypatch.setitem(
        POLICIES, Attempt.LOGIN, Policy(known=figures, account=figures, network=figures, overall=figures)
    )
    async with app.called_from("127.0.0.1") as stranger:
        for _ in range(FEW):
            assert (await login(stranger, "ada", WRONG_PASSWORD))["__typename"] == "InvalidCredentials"
        assert (await login(stranger, "ada"))["__typename"] == "RateLimited"
        results = [await login(app, "ada", WRONG_PASSWORD) for _ in range(FEW - 1)]
        assert {result["__typename"] for result in results} == {"InvalidCredentials"}
        assert (await login(app, "ada"))["__typename"] == "LoginSuccess"
        assert (await login(app, "ada"))["__typename"] == "RateLimited"  # its own budget, small as it is
        app.clock.advance(60)
        assert (await login(stranger, "ada"))["__typename"] == "LoginSuccess"


@no_database
async def test_an_attempt_that_one_figure_refuses_counts_in_none(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(POLICIES, Attempt.LOGIN, Policy(account=rates("4/minute"), network=rates("3/hour")))
    await exhaust(guessing, ada)
    for _ in range(5):
        assert (await guessing(ada))["__typename"] == "RateLimited"
    async with ada.app.called_from("203.0.113.9") as elsewhere:
        one = ada.elsewhere(elsewhere)
        assert (await guessing(one))["__typename"] == "InvalidCredentials"
        result = await guessing(one)
    assert (result["__typename"], result["retryAfter"]) == ("RateLimited", 60)


@no_database
async def test_the_longest_of_several_waits_is_told(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        POLICIES, Attempt.LOGIN, Policy(account=rates("3/minute; 3/hour"), network=rates("3/minute"))
    )
    assert (await exhaust(guessing, ada))["retryAfter"] == 3600


@no_database
async def test_the_figure_for_all_clients_can_be_multiplied(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await make_app(rate_limits=True, overall_limits_factor=2)
    allow_few(monkeypatch, Attempt.REFRESH, "overall")
    results = [await app.refresh(f"agr_{UNKNOWN}") for _ in range(2 * FEW + 1)]
    assert [result["__typename"] for result in results] == ["InvalidToken"] * 2 * FEW + ["RateLimited"]


async def test_no_address_is_flooded_with_mails_by_many_accounts(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [await person(app, name) for name in ("ada", "grace", "eve")]
    monkeypatch.setitem(POLICIES, Attempt.VERIFICATION_MAIL, Policy(account=rates("3/hour")))
    victim = "victim@example.net"
    for one in people:
        assert (await update_profile(app, one.access, email=victim))["__typename"] == "UpdateProfileSuccess"
    assert (await resending(people[0]))["__typename"] == "RateLimited"
    assert (await update_profile(app, people[1].access, email="VICTIM@example.net"))["code"] == "RATE_LIMITED"
    assert (await register(app, "mallory", victim))["__typename"] == "RateLimited"
    assert await app.rows("SELECT * FROM accounts WHERE username='mallory'") == []
    await app.mail.wait_for(victim, 3)
    await app.run_loop("mail")
    assert len(app.mail.to(victim)) == 3


@no_database
async def test_a_spent_token_of_an_ended_session_uses_nothing_up_for_its_account(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = await ada.app.login()
    allow_few(monkeypatch, Attempt.REFRESH, "account")
    await ada.app.gql("mutation { logout { __typename } }", token=other.access)
    for _ in range(FEW + 1):
        assert (await ada.app.refresh(other.refresh))["__typename"] == "InvalidToken"
    assert (await refreshing(ada))["__typename"] == "RefreshSuccess"


async def test_where_the_answer_is_an_error_it_says_when_to_try_again(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_few(monkeypatch, Attempt.USE_LINK, "network")
    await exhaust(verifying, ada)
    answer = await ada.app.gql(RESET_TOKEN, {"token": f"agl_{UNKNOWN}"})
    assert answer.body["errors"][0]["extensions"] == {"code": "RATE_LIMITED", "retryAfter": 60}
