"""The settings are read once, at the start: from the environment, `.env` and the command line."""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from pydantic import ValidationError

from authgql.core.secrets import new_token
from authgql.settings import ENV_FILE, PREFIX, Settings

DEVELOPMENT_KEY_FILE: Final = Path("var/secret_key")


class SettingsError(Exception):
    """A setting is missing, unknown or out of range; the message is one line that says which."""


def load(**overrides: Any) -> Settings:  # noqa: ANN401 -- pydantic checks each
    """Read the environment, `.env` and what the command line says; raise `SettingsError` in one line."""
    for name in (*os.environ, *dotenv_values(ENV_FILE)):
        if name.startswith(PREFIX):
            _refuse_unknown(name)
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_in_one_line(error)) from None


def for_serving(settings: Settings, *, port: int, workers: int = 1) -> Settings:
    """Fill in what development chooses by itself, or say what is missing elsewhere."""
    if workers > 1:
        require(settings, "redis_url")  # or each would count its own attempts and tell its own callers alone
    if settings.development:
        return settings.model_copy(
            update={
                "public_url": settings.public_url or f"http://localhost:{port}",
                "secret_keys": settings.secret_keys or (_development_key(),),
            }
        )
    require(settings, "public_url", "secret_keys")
    return settings


def require(settings: Settings, *names: str) -> None:
    """Raise `SettingsError` for the first of these settings that is empty."""
    for name in names:
        if not getattr(settings, name):
            raise SettingsError(
                f"{PREFIX}{name.upper()} is not set. {Settings.model_fields[name].description}"
            )


def _refuse_unknown(name: str) -> None:
    field = name.removeprefix(PREFIX).lower()
    if field not in Settings.model_fields:
        near = get_close_matches(field, Settings.model_fields, n=1)
        hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
        raise SettingsError(f"{name} is not a setting{hint}")


def _in_one_line(error: ValidationError) -> str:
    first = error.errors()[0]
    name = f"{PREFIX}{str(first['loc'][0]).upper()}: " if first["loc"] else ""
    return name + first["msg"].removeprefix("Value error, ")


def _development_key() -> str:
    file = DEVELOPMENT_KEY_FILE
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(new_token("authgql_dev_"))
    return file.read_text()
