"""An operator's command says in one line what it did or what is wrong, and what it returns is honest."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import typer

from authgql.accounts.models import Account
from authgql.core.errors import Problem
from authgql.core.telemetry import configure_logging
from authgql.environment import for_serving, load, require
from authgql.settings import Settings
from authgql.system import System, build


def run(work: Callable[[System], Awaitable[str]], *, dev: bool) -> None:
    """Do an operator's work on the database, and print what it returns; what is refused ends the process."""
    settings = load_settings(dev=dev)
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


async def find_account(system: System, username: str) -> Account:
    """Find an account by its username or address, or end the process."""
    account = await system.services.accounts.find(username)
    return account or fail(f"No account has the username or e-mail address {username}.")


def load_settings(*, dev: bool) -> Settings:
    """Read the settings, for development if the command says so."""
    return load(development=True) if dev else load()


def fail(message: str) -> NoReturn:
    """Say in one line what is wrong, and end the process."""
    typer.echo(f"authgql: {message}", err=True)
    raise SystemExit(1)
