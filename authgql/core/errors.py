"""The tree of what can go wrong on purpose.

    Problem             a sentence for the caller and a code for the client
      Refusal           data: becomes a member of the operation's union
      BadUserInput      an argument that no form of the operation could take
      Unavailable       something this server needs is away; nothing was decided

Anything else is a mistake of ours and reaches nobody but the log.
"""

from collections.abc import Mapping
from typing import ClassVar


class Problem(Exception):  # noqa: N818 -- the field's word; "ProblemError" says it twice
    """Something to tell the caller: one sentence that says what to do."""

    code: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def extensions(self) -> Mapping[str, str | int]:
        """What a GraphQL error says to programs."""
        return {"code": self.code}


class Refusal(Problem):
    """A "no" that a client can do something about."""


class BadUserInput(Problem):
    """An argument out of its range, or a cursor that this server did not make."""

    code = "BAD_USER_INPUT"


class Unavailable(Problem):
    """A database or another service that this server needs is away."""

    code = "SERVICE_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The service is temporarily unavailable. Nothing was changed; try again shortly.")
