"""Why a session cannot be ended."""

from authgql.core.errors import Refusal


class SessionNotFound(Refusal):
    """No such session, or somebody else's: the answer is the same."""

    code = "SESSION_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("You have no session with this id. List yours with `sessions`.")
