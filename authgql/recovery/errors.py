"""Why no reset mail is sent, where the operator lets that be told."""

from authgql.core.errors import Refusal


class EmailNotFound(Refusal):
    """Only where `AUTHGQL_REVEAL_ACCOUNTS` is on."""

    code = "EMAIL_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("No account has this e-mail address. Check it, or register.")
