"""Why an account cannot be as asked.

UsernameTaken       another account has it
EmailTaken          another account has it, proved or not
InvalidInput        fields that no account may have, all of them at once
ReauthenticationRequired   the login is too long ago for this change
"""

from collections.abc import Mapping

from authgql.core.errors import Refusal


class UsernameTaken(Refusal):
    """Usernames are unique regardless of case."""

    code = "USERNAME_TAKEN"

    def __init__(self) -> None:
        super().__init__("This username is taken. Choose another.")


class EmailTaken(Refusal):
    """An address belongs to the account that has it as `email`, proved or not."""

    code = "EMAIL_TAKEN"

    def __init__(self) -> None:
        super().__init__("An account with this e-mail address exists. Sign in, or reset its password.")


class InvalidInput(Refusal):
    """`fields` maps each wrong argument's path to a sentence that says how to put it right."""

    code = "INVALID_INPUT"

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__("Correct these fields: " + ", ".join(fields) + ".")
        self.fields = dict(fields)


class ReauthenticationRequired(Refusal):
    """`max_age` is how many seconds ago the password may have been given, at the most."""

    code = "REAUTHENTICATION_REQUIRED"

    def __init__(self, *, max_age: int) -> None:
        super().__init__(
            "Confirm your password first (`reauthenticate`, or sign in again), then repeat this."
        )
        self.max_age = max_age
