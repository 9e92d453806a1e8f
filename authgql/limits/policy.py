"""What may be tried how often: the one table of limits."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How often an operation may be tried for one account, and from one client network."""

    per_account: RateLimitItem | None = None
    per_network: RateLimitItem | None = None


class Attempt(Enum):
    """What is limited, each in its own right: the attempts of one never count for another."""

    REGISTER = "register"
    LOGIN = "login"
    REFRESH = "refresh"
    CONFIRM_PASSWORD = "confirm_password"  # noqa: S105
    UPDATE_PROFILE = "update_profile"
    RESET_REQUEST = "reset_request"
    USE_LINK = "use_link"
    DISAVOW = "disavow"
    RESEND_VERIFICATION = "resend_verification"
    PROOF = "proof"


POLICIES: Final = {
    Attempt.REGISTER: Policy(per_network=RateLimitItemPerHour(200)),
    Attempt.LOGIN: Policy(per_account=RateLimitItemPerMinute(10), per_network=RateLimitItemPerMinute(100)),
    Attempt.REFRESH: Policy(per_network=RateLimitItemPerMinute(600)),
    Attempt.CONFIRM_PASSWORD: Policy(per_account=RateLimitItemPerMinute(10)),
    Attempt.UPDATE_PROFILE: Policy(per_account=RateLimitItemPerMinute(30)),
    Attempt.RESET_REQUEST: Policy(per_account=RateLimitItemPerHour(5), per_network=RateLimitItemPerHour(100)),
    Attempt.DISAVOW: Policy(per_network=RateLimitItemPerMinute(60)),
    Attempt.USE_LINK: Policy(per_network=RateLimitItemPerMinute(60)),
    Attempt.RESEND_VERIFICATION: Policy(per_account=RateLimitItemPerHour(5)),
    Attempt.PROOF: Policy(per_network=RateLimitItemPerMinute(800)),  # logins and refreshes within their own
}
