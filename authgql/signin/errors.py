"""Why somebody is not signed in.

InvalidCredentials    the one answer to a wrong username and to a wrong password
UserNotFound          only where `AUTHGQL_REVEAL_ACCOUNTS` is on
"""

from authgql.core.errors import Refusal


class InvalidCredentials(Refusal):
    """Which of the two was wrong is not said: that would tell who has an account."""

    code = "INVALID_CREDENTIALS"

    def __init__(self) -> None:
        super().__init__("The username or the password is not correct. Check both, or reset the password.")


class UserNotFound(Refusal):
    """No account has this username or address."""

    code = "USER_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("No account has this username or e-mail address. Check it, or register.")
