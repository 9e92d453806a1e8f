"""Nobody gets another limit by naming another address: only the operator's proxies are believed."""

from collections.abc import Callable, Mapping

import pytest
from conftest import MakeApp
from support.accounts import WRONG_PASSWORD
from support.app import Application
from support.dialects import no_database
from support.documents import LOGIN

from authgql.limits.policy import POLICIES, Attempt, Policy, rates

FEW = 3
Headers = Callable[[int], Mapping[str, str]]
SPOOFS: dict[str, Headers] = {
    "X-Forwarded-For": lambda number: {"x-forwarded-for": f"203.0.113.{number}"},
    "a chain": lambda number: {"x-forwarded-for": f"203.0.113.{number}, 127.0.0.1"},
    "Forwarded": lambda number: {"forwarded": f"for=203.0.113.{number}"},
    "X-Real-IP": lambda number: {"x-real-ip": f"203.0.113.{number}"},
    "CF-Connecting-IP": lambda number: {"cf-connecting-ip": f"203.0.113.{number}"},
}


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(POLICIES, Attempt.LOGIN, Policy(network=rates(f"{FEW}/minute")))


async def guess(app: Application, number: int, headers: Mapping[str, str]) -> str:
    given = {"username": f"name{number}", "password": WRONG_PASSWORD}
    kind: str = (await app.gql(LOGIN, {"input": given}, headers=headers)).only["__typename"]
    return kind


@no_database
@pytest.mark.parametrize("spoof", SPOOFS)
async def test_a_client_that_names_other_addresses_is_counted_as_one(make_app: MakeApp, spoof: str) -> None:
    app = await make_app(rate_limits=True)
    kinds = [await guess(app, number, SPOOFS[spoof](number)) for number in range(FEW + 2)]
    assert kinds == ["InvalidCredentials"] * FEW + ["RateLimited"] * 2
    addresses = await app.rows("SELECT DISTINCT ip_address FROM security_events")
    assert [row["ip_address"] for row in addresses] == ["127.0.0.1"]


@no_database
async def test_behind_a_proxy_what_the_client_wrote_itself_is_not_believed(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True, trusted_proxies="127.0.0.0/8")
    kinds = [
        await guess(app, number, {"x-forwarded-for": f"203.0.113.{number}, 198.51.100.7"})
        for number in range(FEW + 2)
    ]
    assert kinds == ["InvalidCredentials"] * FEW + ["RateLimited"] * 2
    assert await guess(app, 9, {"x-forwarded-for": "198.51.100.8"}) == "InvalidCredentials"
