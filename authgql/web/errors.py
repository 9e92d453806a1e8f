"""An error says what the client may know, and a code to act on; the rest is in the log."""

import re
from collections.abc import Sequence
from typing import Any, Final

import structlog
from graphql import GraphQLError

from authgql.core.database import is_unavailable
from authgql.core.errors import Problem, Unavailable

MASKED: Final = "Something went wrong on our side. Tell the operator the request id."
QUOTED_VALUE: Final = re.compile(r"(?:, found|( cannot represent [^:]*)): .*", re.DOTALL)

log = structlog.get_logger(__name__)


def request_error(message: str, code: str) -> dict[str, Any]:
    """Return the body of an answer to a request that did not run."""
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def problem_error(problem: Problem) -> dict[str, Any]:
    """Return the same for a problem."""
    return {"errors": [{"message": problem.message, "extensions": problem.extensions}]}


def internal_error(request_id: str) -> dict[str, Any]:
    """Return the body of an answer to a request that ran into a mistake of ours."""
    extensions = {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
    return {"errors": [{"message": MASKED, "extensions": extensions}]}


def present_all(errors: Sequence[GraphQLError], *, request_id: str, code: str = "") -> list[dict[str, Any]]:
    """Format errors as the GraphQL specification has it, each with `extensions.code`."""
    return [_present(error, request_id, code) for error in errors]


def code_of(errors: Sequence[dict[str, Any]]) -> set[str]:
    """Return the codes that formatted errors carry."""
    return {error["extensions"]["code"] for error in errors}


def _present(error: GraphQLError, request_id: str, code: str) -> dict[str, Any]:
    formatted: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if isinstance(cause, Problem):
        formatted["extensions"] = cause.extensions
    elif cause is None or error.path is None:  # no field has run: it is about the request
        formatted["extensions"] = {"code": code or "BAD_USER_INPUT", **(error.extensions or {})}
        formatted["message"] = _without_values(error.message)
    elif is_unavailable(cause):
        log.warning("unavailable", error=type(cause).__name__)
        formatted |= {"message": Unavailable().message, "extensions": {"code": Unavailable.code}}
    else:
        log.error("field.failed", path=error.path, exc_info=cause)
        extensions = {"code": "INTERNAL_SERVER_ERROR", "requestId": request_id}
        formatted |= {"message": MASKED, "extensions": extensions}
    return formatted


def _without_values(message: str) -> str:
    """Cut off the value that graphql-core quotes: a whole input object, and with it a password.

    Clients' error reporters would keep it.
    """
    return QUOTED_VALUE.sub(r"\1.", message)
