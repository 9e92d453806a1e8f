"""What an operator reads when a server has started."""

from importlib.metadata import version
from urllib.parse import urlsplit

from authgql.settings import Settings
from authgql.system import MAILBOX


def banner(settings: Settings, *, host: str, port: int, workers: int) -> str:
    """Say where the server is, what it uses and what is not fit for production; no passwords."""
    name = "localhost" if host in {"127.0.0.1", "::1"} else f"[{host}]" if ":" in host else host
    local = f"http://{name}:{port}"
    lines = [
        f"authgql {version('authgql')}" + (" in development mode" if settings.development else ""),
        f"  GraphQL   {local}/graphql"
        + ("  (open it in a browser: GraphiQL)" if settings.shows_graphiql else ""),
        f"  Database  {_without_password(settings.database_url)}",
    ]
    if workers > 1:
        lines.append(f"  Workers   {workers}")
    if settings.smtp_url:
        lines.append(f"  Mail      by {_without_password(settings.smtp_url)}")
    elif settings.development:
        lines.append(f"  Mail      {local}/dev/mailbox")
    else:
        lines.append(f"  Mail      written to {MAILBOX}/, not sent: set AUTHGQL_SMTP_URL")
    if not settings.rate_limits:
        lines.append("  Warning   rate limits are off (AUTHGQL_RATE_LIMITS=false): for load tests only")
    if settings.password_hash_profile == "testing":  # noqa: S105 -- a profile's name
        lines.append("  Warning   passwords are hashed with the testing profile: for tests only")
    return "\n".join(lines)


def _without_password(url: str) -> str:
    password = urlsplit(url).password
    return url.replace(f":{password}@", ":…@", 1) if password else url
