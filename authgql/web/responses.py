"""What is not a page is JSON, also when it says that something went wrong."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from authgql.web.errors import request_error


def json_response(
    body: dict[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a JSON response."""
    content_type = {"content-type": "application/json; charset=utf-8"}
    return Response(orjson.dumps(body), status, {**content_type, **(headers or {})})


async def refuse(_: Request, error: Exception) -> Response:
    """Answer for a path that does not exist, or one that does not take the method."""
    assert isinstance(error, HTTPException)  # noqa: S101 -- what it is registered for
    code = "NOT_FOUND" if error.status_code == HTTPStatus.NOT_FOUND else "BAD_USER_INPUT"
    return json_response(request_error(f"{error.detail}.", code), error.status_code, error.headers)
