"""What happens can be read afterwards: by people in development, by machines elsewhere, without secrets."""

import json
import logging
import sys
from contextlib import suppress
from typing import Any, Final

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
NOISY = ("tortoise", "aiosqlite", "asyncio", "uvicorn")

# Made once: a line is written for every request. ASCII, so that no character of a path drives a terminal.
JSON: Final = json.JSONEncoder(default=repr)


class StandardError:
    """Takes finished lines. One that cannot be written is lost: no request fails for the log's sake."""

    def msg(self, line: str) -> None:
        """Write a line at once."""
        with suppress(OSError, ValueError):  # no space left, nobody reads any more; closed
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = msg


def configure_logging(log_format: str, *, quiet: bool = False) -> None:
    """Send every log line to standard error: `console`, `json`, or `auto` (a terminal gets the former).

    `quiet` leaves out what merely tells that all goes well.
    """
    console = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    level = logging.WARNING if quiet else logging.INFO
    rendering, standard_error = _rendering(console=console), StandardError()
    structlog.configure(
        processors=[*SHARED, *rendering],
        logger_factory=lambda *_: standard_error,
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_for_libraries(rendering))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def keep_locals_out() -> None:
    """Log without frames' local variables where the application that we are part of has not set structlog up.

    structlog's own rendering of a traceback shows them, and with them passwords and tokens.
    """
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[*SHARED, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _rendering(*, console: bool) -> list[Any]:
    # Frames' local variables stay out of both renderings: they hold passwords and tokens.
    plain = structlog.dev.plain_traceback
    # Strings are quoted, or a request's path could end a line and write another, or drive the terminal.
    if console:
        return [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=plain, repr_native_str=True
            )
        ]
    return [structlog.processors.format_exc_info, _as_json]


def _as_json(_: Any, __: str, event: structlog.typing.EventDict) -> str:  # noqa: ANN401 -- structlog's signature
    return JSON.encode(event)


def _for_libraries(rendering: list[Any]) -> structlog.stdlib.ProcessorFormatter:
    """Have the standard library's records look like our own."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
