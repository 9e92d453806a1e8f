"""Why a password is not taken.

WeakPassword          would be guessed; the suggestions say what would not
IncorrectPassword     not the account's
"""

from collections.abc import Sequence

from authgql.core.errors import Refusal


class WeakPassword(Refusal):
    """`suggestions` are sentences for the person who chooses."""

    code = "WEAK_PASSWORD"

    def __init__(self, message: str, suggestions: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.suggestions = list(suggestions)


class IncorrectPassword(Refusal):
    """The password given to confirm an operation is not the account's."""

    code = "INCORRECT_PASSWORD"

    def __init__(self) -> None:
        super().__init__("The password is not correct. Check it and try again.")
