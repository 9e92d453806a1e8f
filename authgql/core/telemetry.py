"""What happens can be read afterwards: by people in development, by machines elsewhere, without secrets."""

import logging
import sys
from typing import Any

import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
NOISY = ("tortoise", "aiosqlite", "asyncio", "uvicorn")


def configure_logging(log_format: str, *, quiet: bool = False) -> None:
    """Send every log line to standard error: `console`, `json`, or `auto` (a terminal gets the former).

    `quiet` leaves out what merely tells that all goes well.
    """
    console = sys.stderr.isatty() if log_format == "auto" else log_format == "console"
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(console=console))
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def _formatter(*, console: bool) -> structlog.stdlib.ProcessorFormatter:
    # Frames' local variables stay out of both renderings: they hold passwords and tokens.
    plain = structlog.dev.plain_traceback
    # Strings are quoted, or a request's path could end a line and write another, or drive the terminal.
    rendering: list[Any] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=plain, repr_native_str=True
            )
        ]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
