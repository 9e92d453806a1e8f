"""What may be tried how often: the one table of limits, as docs/limits.md shows it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from limits import RateLimitItem, parse_many


def rates(text: str) -> tuple[RateLimitItem, ...]:
    """Read figures such as `6/hour; 20/day`, all of which hold."""
    return tuple(parse_many(text))


class Attempt(Enum):
    """What is limited, each in its own right: the attempts of one never count for another."""

    REGISTER = "register"
    LOGIN = "login"
    REFRESH = "refresh"
    CONFIRM_PASSWORD = "confirm_password"  # noqa: S105
    UPDATE_PROFILE = "update_profile"
    CHANGE_EMAIL = "change_email"
    RESET_REQUEST = "reset_request"
    RESEND_VERIFICATION = "resend_verification"
    VERIFICATION_MAIL = "verification_mail"
    USE_LINK = "use_link"
    DISAVOW = "disavow"
    TERMINATE_SESSION = "terminate_session"
    PROOF = "proof"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One figure, and the key under which its attempts are counted."""

    scope: str
    figure: RateLimitItem
    key: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How often an operation may be tried, counted in several ways at once.

    `known` is for a browser or session that the account knows: it counts there and in its network, apart
    from strangers, so that nobody else's attempts hold it up. `password` attempts are refused while the
    store of the counts is away; others are counted by each node meanwhile.
    """

    known: Sequence[RateLimitItem] = ()
    both: Sequence[RateLimitItem] = ()
    account: Sequence[RateLimitItem] = ()
    network: Sequence[RateLimitItem] = ()
    overall: Sequence[RateLimitItem] = ()
    password: bool = False

    def rules(
        self, *, name: str, account: str | None, known: str | None, network: str, factor: int
    ) -> Sequence[Rule]:
        """Return the figures that an attempt counts towards, the narrowest first.

        `factor` multiplies the overall ones, for services of more users than one node serves.
        """
        scopes: list[tuple[str, Sequence[RateLimitItem], tuple[str, ...]]]
        if account and known and self.known:
            scopes = [("known", self.known, (account, known)), ("known-network", self.network, (network,))]
        else:
            overall = [type(figure)(figure.amount * factor, figure.multiples) for figure in self.overall]
            scopes = [("network", self.network, (network,)), ("overall", overall, ())]
            if account:
                both = ("both", self.both, (account, network))
                scopes = [both, ("account", self.account, (account,)), *scopes]
        return [
            Rule(scope=scope, figure=figure, key=(name, scope, *key))
            for scope, figures, key in scopes
            for figure in figures
        ]


POLICIES: Final = {
    Attempt.REGISTER: Policy(network=rates("200/hour"), overall=rates("5000/hour")),
    Attempt.LOGIN: Policy(
        known=rates("10/minute"),
        both=rates("10/minute"),
        account=rates("30/minute"),
        network=rates("100/minute"),
        overall=rates("6000/minute"),
        password=True,
    ),
    Attempt.REFRESH: Policy(account=rates("120/minute"), network=rates("600/minute")),
    Attempt.CONFIRM_PASSWORD: Policy(known=rates("10/minute"), network=rates("100/minute"), password=True),
    Attempt.UPDATE_PROFILE: Policy(account=rates("30/minute"), network=rates("300/minute")),
    Attempt.CHANGE_EMAIL: Policy(
        account=rates("10/hour"), network=rates("100/hour"), overall=rates("5000/hour")
    ),
    Attempt.RESET_REQUEST: Policy(
        both=rates("5/hour"), account=rates("10/hour"), network=rates("100/hour"), overall=rates("5000/hour")
    ),
    Attempt.RESEND_VERIFICATION: Policy(
        account=rates("5/hour"), network=rates("100/hour"), overall=rates("5000/hour")
    ),
    Attempt.VERIFICATION_MAIL: Policy(account=rates("6/hour; 20/day")),
    Attempt.USE_LINK: Policy(network=rates("60/minute"), overall=rates("6000/minute")),
    Attempt.DISAVOW: Policy(network=rates("60/minute"), overall=rates("6000/minute")),
    Attempt.TERMINATE_SESSION: Policy(known=rates("60/minute"), network=rates("600/minute")),
    Attempt.PROOF: Policy(network=rates("800/minute")),  # logins and refreshes within their own
}
