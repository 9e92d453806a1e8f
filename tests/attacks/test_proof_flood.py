"""A flood of good proofs by made-up keys fills no memory that the owners of bound sessions need."""

from typing import Any

import pytest
from conftest import MakeApp
from support.app import PASSWORD, Application
from support.dialects import no_database
from support.documents import LOGIN, ME
from support.proofs import ProofKey, claims_at

from authgql.core.secrets import ascii_hash
from authgql.limits.policy import POLICIES, Attempt, Policy, rates

HTU = "https://id.example.com/graphql"
GIVEN = {"input": {"username": "ada", "password": PASSWORD}}

LIMIT = 20  # a fortieth of what it is

pytestmark = no_database


@pytest.fixture(autouse=True)
def _a_low_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert POLICIES[Attempt.PROOF].network == rates("800/minute")
    monkeypatch.setitem(POLICIES, Attempt.PROOF, Policy(network=rates(f"{LIMIT}/minute")))


def proof(app: Application, key: ProofKey, access_token: str | None = None) -> str:
    ath = None if access_token is None else ascii_hash(access_token)
    return key.proof(claims_at(int(app.clock.now().timestamp()), htu=HTU, ath=ath))


async def bound(app: Application, key: ProofKey) -> str:
    await app.register()
    opened = (await app.gql(LOGIN, GIVEN, headers={"dpop": proof(app, key)})).only
    access: str = opened["tokens"]["accessToken"]
    return access


async def ask(app: Application, key: ProofKey, access: str) -> Any:
    headers = {"dpop": proof(app, key, access), "authorization": f"DPoP {access}"}
    return await app.gql(ME, headers=headers)


async def flood(app: Application, count: int) -> list[Any]:
    key = ProofKey()
    return [await app.gql(ME, headers={"dpop": proof(app, key)}) for _ in range(count)]


async def test_proofs_by_strangers_are_limited_for_their_network_and_an_owners_are_not(
    make_app: MakeApp,
) -> None:
    app = await make_app(rate_limits=True)
    key = ProofKey()
    access = await bound(app, key)
    async with app.called_from("203.0.113.9") as stranger:
        answers = await flood(stranger, LIMIT + 3)
        assert [answer.codes for answer in answers[:LIMIT]] == [[]] * LIMIT
        assert {tuple(answer.codes) for answer in answers[LIMIT:]} == {("RATE_LIMITED",)}
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await ask(stranger, key, access)).only["username"] == "ada"
    assert (await app.events()).count("limit.reached") == 1


async def test_another_accounts_token_makes_no_key_known(make_app: MakeApp) -> None:
    app = await make_app(rate_limits=True)
    access = await bound(app, ProofKey())
    made_up = ProofKey()
    codes = [tuple((await ask(app, made_up, access)).codes) for _ in range(LIMIT)]
    assert codes[-1] == ("RATE_LIMITED",)  # the login's own proof counted too


async def test_strangers_fill_half_of_the_memory_at_most(app: Application) -> None:
    key = ProofKey()
    access = await bound(app, key)
    memory = app.system.proofs._replays  # noqa: SLF001 -- as full as it takes hours to get
    memory._capacity = 20  # type: ignore[attr-defined] # noqa: SLF001
    answers = await flood(app, 20)
    assert [answer.codes for answer in answers].count(["INVALID_DPOP_PROOF"]) == 11
    for _ in range(5):
        assert (await ask(app, key, access)).only["username"] == "ada"
