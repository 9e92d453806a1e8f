"""The documented table of limits is the one that is enforced."""

from collections.abc import Sequence
from pathlib import Path

from limits import RateLimitItem

from authgql.limits.policy import POLICIES, Attempt, Policy

DOCUMENT = Path(__file__).parents[2] / "docs" / "limits.md"
COLUMNS = ("known browser", "account and network", "account", "network", "all clients", "without the store")


def figures(items: Sequence[RateLimitItem]) -> str:
    return ", ".join(f"{item.amount} a {item.GRANULARITY.name}" for item in items) or "-"


def row(attempt: Attempt, policy: Policy) -> str:
    scopes = (policy.known, policy.both, policy.account, policy.network, policy.overall)
    return " | ".join(
        [
            f"| `{attempt.value}`",
            *map(figures, scopes),
            "refused |" if policy.password else "counted by each node |",
        ]
    )


def test_the_documents_table_is_what_is_enforced() -> None:
    text = DOCUMENT.read_text()
    head = " | ".join(["| attempt", *COLUMNS]) + " |"
    table = "\n".join([head, "|---" * 7 + "|", *(row(*entry) for entry in POLICIES.items())])
    assert table in text, f"put this into {DOCUMENT.name}:\n{table}"


def test_every_attempt_has_a_policy_of_its_own_and_the_document_says_what_it_is() -> None:
    assert set(POLICIES) == set(Attempt)
    text = DOCUMENT.read_text()
    assert all(f"- `{attempt.value}`: " in text for attempt in Attempt)


def test_a_network_cannot_use_up_an_accounts_attempts_alone() -> None:
    for policy in POLICIES.values():
        for both, account in zip(policy.both, policy.account, strict=False):
            assert both.amount * 2 <= account.amount
