"""The command line says in one line what is wrong, and exits 0 only if all went well."""

import asyncio
import sys
from typing import Annotated

import typer

from authgql.accounts.service import NewAccount
from authgql.banner import banner
from authgql.console import fail, find_account, load_settings, run
from authgql.core.database import Database, is_unavailable
from authgql.core.migrations import migrate as run_migrations
from authgql.core.sealing import CannotOpen
from authgql.core.telemetry import configure_logging
from authgql.environment import SettingsError, for_serving, load
from authgql.keys.service import UnknownKey
from authgql.server import CannotListen
from authgql.server import serve as run_server
from authgql.system import MODELS, SchemaBehind, System
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
users = typer.Typer(no_args_is_help=True, help="Accounts, for the operator.")
keys = typer.Typer(no_args_is_help=True, help="The keys that sign access tokens.")
app.add_typer(users, name="users")
app.add_typer(keys, name="keys")

Development = Annotated[
    bool,
    typer.Option(
        "--dev", help="Development: SQLite in var/, its own secrets, migrations, GraphiQL, mailbox."
    ),
]
OfDevelopment = Annotated[bool, typer.Option("--dev", help="Act on the database of `authgql serve --dev`.")]
Username = Annotated[str, typer.Argument(help="The account's username or e-mail address.")]


def main() -> None:
    """Run a command."""
    try:
        app()
    except (SettingsError, SchemaBehind, CannotListen, CannotOpen, UnknownKey, WorkerEnded) as error:
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
    settings = for_serving(load_settings(dev=dev), port=port, workers=workers)
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
        database = Database(url=settings.database_url, models=MODELS)
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


@users.command()
def create(
    username: Annotated[str, typer.Argument(help="3 to 64 letters, digits, dots, underscores or hyphens.")],
    email: Annotated[str, typer.Argument(help="The e-mail address.")],
    *,
    dev: OfDevelopment = False,
) -> None:
    """Create an account. The password is asked for, or read from standard input."""
    if sys.stdin.isatty():
        password = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")

    async def work(system: System) -> str:
        account = await system.services.registration.create(NewAccount.of(username, email), password)
        return f"Created {account.username} ({account.id})."

    run(work, dev=dev)


@users.command()
def promote(username: Username, *, dev: OfDevelopment = False) -> None:
    """Make an account an administrator."""

    async def work(system: System) -> str:
        account = await find_account(system, username)
        done = await system.services.accounts.promote(account)
        return f"{account.username} is {'now' if done else 'already'} an administrator."

    run(work, dev=dev)


@users.command()
def lock(username: Username, *, dev: OfDevelopment = False) -> None:
    """Keep an account from signing in, and end its sessions."""

    async def work(system: System) -> str:
        account = await find_account(system, username)
        done = await system.services.registration.lock(account)
        return f"{account.username} is {'now' if done else 'already'} locked."

    run(work, dev=dev)


@users.command()
def unlock(username: Username, *, dev: OfDevelopment = False) -> None:
    """Let a locked account sign in again."""

    async def work(system: System) -> str:
        account = await find_account(system, username)
        done = await system.services.accounts.unlock(account)
        return f"{account.username} is {'no longer' if done else 'not'} locked."

    run(work, dev=dev)


@users.command()
def sign_out(
    username: Annotated[str, typer.Argument(help="The account's username or e-mail address.")] = "",
    *,
    everybody: Annotated[bool, typer.Option("--all", help="Every account.")] = False,
    dev: OfDevelopment = False,
) -> None:
    """End every session of an account, or of all accounts. Tokens are refused from the next request on."""
    if bool(username) == everybody:
        fail("Name an account, or give --all.")

    async def work(system: System) -> str:
        if everybody:
            sessions, accounts = await system.services.terminations.sign_out_everybody()
            return f"Sessions ended: {sessions}. Accounts: {accounts}."
        account = await find_account(system, username)
        return f"Sessions ended: {await system.services.terminations.sign_out(account)}."

    run(work, dev=dev)


@keys.command("list")
def list_keys(*, dev: OfDevelopment = False) -> None:
    """Show the keys in use: published (will sign), signing, verifying (signs no more)."""

    async def work(system: System) -> str:
        await system.keys.load()
        rows = [
            f"{key.kid}  {key.algorithm}  {state.value:9}  signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC"
            for key, state in system.keys.states()
        ]
        return "\n".join(rows) or "No keys yet; the server makes one at its start."

    run(work, dev=dev)


@keys.command()
def rotate(*, dev: OfDevelopment = False) -> None:
    """Publish a new key. It signs in six minutes; the old one goes on verifying until its tokens expired."""

    async def work(system: System) -> str:
        key = await system.keys.rotate()
        return f"Published {key.kid}. It signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC."

    run(work, dev=dev)


@keys.command()
def retire(
    kid: Annotated[str, typer.Argument(help="The key's id, as `authgql keys list` shows it.")],
    *,
    dev: OfDevelopment = False,
) -> None:
    """Refuse a key's tokens, on every node within ten seconds. For a key that may be known to others."""

    async def work(system: System) -> str:
        await system.keys.load()
        await system.keys.retire(kid)
        return f"Retired {kid}. Sessions go on: clients refresh."

    run(work, dev=dev)
