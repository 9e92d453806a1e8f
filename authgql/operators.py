"""The operator's commands: accounts, the keys that sign, the trail, and what is over."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, NoReturn

import typer

from authgql.accounts.models import Account
from authgql.accounts.service import NewAccount
from authgql.core.errors import Problem
from authgql.core.telemetry import configure_logging
from authgql.environment import for_serving, load, require
from authgql.settings import Settings
from authgql.system import System
from authgql.wiring import build

users = typer.Typer(no_args_is_help=True, help="Accounts, for the operator.")
audit = typer.Typer(no_args_is_help=True, help="The trail of security events.")
keys = typer.Typer(no_args_is_help=True, help="The keys that sign access tokens.")

OfDevelopment = Annotated[bool, typer.Option("--dev", help="Act on the database of `authgql serve --dev`.")]
Username = Annotated[str, typer.Argument(help="The account's username or e-mail address.")]


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

    _run(work, dev=dev)


@users.command()
def promote(username: Username, *, dev: OfDevelopment = False) -> None:
    """Make an account an administrator."""

    async def work(system: System) -> str:
        account = await _find(system, username)
        done = await system.services.accounts.promote(account)
        return f"{account.username} is {'now' if done else 'already'} an administrator."

    _run(work, dev=dev)


@users.command()
def lock(username: Username, *, dev: OfDevelopment = False) -> None:
    """Keep an account from signing in, and end its sessions."""

    async def work(system: System) -> str:
        account = await _find(system, username)
        done = await system.services.registration.lock(account)
        return f"{account.username} is {'now' if done else 'already'} locked."

    _run(work, dev=dev)


@users.command()
def unlock(username: Username, *, dev: OfDevelopment = False) -> None:
    """Let an account sign in again that was locked, or whose password 100 wrong ones disabled."""

    async def work(system: System) -> str:
        account = await _find(system, username)
        enabled = await system.services.passwords.enable(account)
        done = await system.services.accounts.unlock(account) or enabled
        return f"{account.username} is {'no longer' if done else 'not'} locked."

    _run(work, dev=dev)


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
        account = await _find(system, username)
        return f"Sessions ended: {await system.services.terminations.sign_out(account)}."

    _run(work, dev=dev)


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

    _run(work, dev=dev)


@keys.command()
def rotate(*, dev: OfDevelopment = False) -> None:
    """Publish a new key. It signs in six minutes; the old one goes on verifying until its tokens expired."""

    async def work(system: System) -> str:
        key = await system.keys.rotate()
        return f"Published {key.kid}. It signs from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC."

    _run(work, dev=dev)


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

    _run(work, dev=dev)


@audit.command()
def verify(
    *,
    head: Annotated[str, typer.Option(help="A digest noted earlier, or from the log (audit.sealed).")] = "",
    dev: OfDevelopment = False,
) -> None:
    """Check that no sealed event was changed, added or removed. Fails and names the blocks that are wrong."""

    async def work(system: System) -> str:
        return str(await system.chain.verify(noted=head))

    _run(work, dev=dev)


def clean(*, dev: OfDevelopment = False) -> None:
    """Delete what is over and truncate old addresses, as a running server does by itself every hour."""

    async def work(system: System) -> str:
        return str(await system.janitor.clean())

    _run(work, dev=dev)


def _run(work: Callable[[System], Awaitable[str]], *, dev: bool) -> None:
    settings = settings_of(dev=dev)
    if settings.development:
        settings = for_serving(settings, port=8000)
    require(settings, "secret_keys")
    # A command says in one line what it did; the trail has the event, and so has a log that is collected.
    configure_logging(settings.log_format, quiet=settings.log_format != "json")

    async def within() -> str:
        system = build(settings)
        async with system.running():
            await system.require_current_schema()
            return await work(system)

    try:
        typer.echo(asyncio.run(within()))
    except Problem as problem:
        wrong = getattr(problem, "fields", {})
        fail(" ".join([problem.message, *wrong.values()]))


async def _find(system: System, username: str) -> Account:
    account = await system.services.accounts.find(username)
    return account or fail(f"No account has the username or e-mail address {username}.")


def settings_of(*, dev: bool) -> Settings:
    """Read the settings; those of `serve --dev`, if asked for."""
    return load(development=True) if dev else load()


def fail(message: str) -> NoReturn:
    """Say in one line what is wrong, and exit with 1."""
    typer.echo(f"authgql: {message}", err=True)
    raise SystemExit(1)
