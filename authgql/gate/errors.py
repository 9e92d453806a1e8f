"""Why a field is not answered: the caller is nobody, somebody else, or asks for nothing that is there."""

from authgql.core.errors import Problem


class Unauthenticated(Problem):
    """Nobody is signed in; client libraries refresh their token on this code."""

    code = "UNAUTHENTICATED"

    def __init__(self) -> None:
        super().__init__("Sign in first: send `Authorization: Bearer <access token>` of a living session.")


class Forbidden(Problem):
    """Somebody is signed in, but this is not theirs."""

    code = "FORBIDDEN"

    def __init__(self) -> None:
        super().__init__("This belongs to another account.")


class NotFound(Problem):
    """Told to administrators alone; to all others everything that is not theirs is forbidden alike."""

    code = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("There is no such account.")


class CsrfRefused(Problem):
    """A page of another site would act with the cookies of this one (HTTP 403)."""

    code = "CSRF_REFUSED"

    def __init__(self) -> None:
        super().__init__(
            "With cookies, operations are taken from the pages of this service alone: its operator lists "
            "their origins in AUTHGQL_ALLOWED_ORIGINS."
        )
