"""The command line says in one line what is wrong, and exits 0 only if all went well."""

import asyncio
from typing import Annotated

import typer

from authgql import plain  # noqa: F401 -- before anybody imports structlog
from authgql.audit.blocks import ChainBroken
from authgql.banner import banner
from authgql.core.database import MIGRATION_SECONDS, Database, is_unavailable
from authgql.core.migrations import migrate as run_migrations
from authgql.core.sealing import CannotOpen
from authgql.core.telemetry import configure_logging
from authgql.environment import SettingsError, for_serving, load
from authgql.keys.service import UnknownKey
from authgql.operators import audit, clean, fail, keys, settings_of, users
from authgql.server import CannotListen
from authgql.server import serve as run_server
from authgql.system import MODELS, SchemaBehind
from authgql.web.documents import Untrustworthy
from authgql.web.schema import build_schema
from authgql.workers import WorkerEnded
from authgql.workers import serve as run_workers

app = typer.Typer(
    name="authgql",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="authgql: every login is a tracked session that its owner can see and end.",
    epilog="Settings are environment variables named AUTHGQL_…, also read from .env; the README lists them.",
)
app.add_typer(users, name="users")
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.command("janitor")(clean)

Development = Annotated[
    bool,
    typer.Option(
        "--dev", help="Development: SQLite in var/, its own secrets, migrations, GraphiQL, mailbox."
    ),
]


def main() -> None:
    """Run a command."""
    try:
        app()
    except (
        SettingsError,
        SchemaBehind,
        CannotListen,
        CannotOpen,
        ChainBroken,
        UnknownKey,
        WorkerEnded,
    ) as error:
        fail(str(error))
    except Untrustworthy as error:
        fail(f"AUTHGQL_TRUSTED_DOCUMENTS: {error}")
    except UnicodeError:
        fail("What you gave is not text in UTF-8.")
    except Exception as error:
        if not is_unavailable(error):
            raise
        reason = str(error) or type(error).__name__
        fail(f"The database cannot be reached: {reason}. Check AUTHGQL_DATABASE_URL.")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; more than one need Redis.")] = 1,
    *,
    dev: Development = False,
) -> None:
    """Serve the GraphQL API until SIGTERM."""
    settings = for_serving(settings_of(dev=dev), port=port, workers=workers)
    configure_logging(settings.log_format)

    def announce() -> None:
        typer.echo(banner(settings, host=host, port=port, workers=workers), err=True)

    if workers > 1:
        run_workers(settings, host=host, port=port, count=workers, announce=announce)
    else:
        run_server(settings, host=host, port=port, announce=announce)


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema. Safe to run twice, and from several nodes at once."""
    settings = load()

    async def work() -> list[str]:
        database = Database(url=settings.database_url, models=MODELS, statement_seconds=MIGRATION_SECONDS)
        await database.open()
        try:
            return await run_migrations(database.config)
        finally:
            await database.close()

    applied = asyncio.run(work())
    typer.echo(f"Applied {', '.join(applied)}." if applied else "Nothing to do: the schema is up to date.")


@app.command()
def schema() -> None:
    """Print the GraphQL schema, as this server's settings have it."""
    typer.echo(build_schema(auth_directives=load().federation_auth_directives).sdl, nl=False)
