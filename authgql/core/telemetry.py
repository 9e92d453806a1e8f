"""What happens can be read afterwards: by people in development, by machines elsewhere, without secrets."""

import asyncio
import json
import logging
import sys
from collections import deque
from contextlib import suppress
from threading import RLock
from typing import Any, Final

import orjson
import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
NOISY = ("tortoise", "aiosqlite", "asyncio", "uvicorn")

# In ASCII, so that no character of a path drives a terminal.
JSON: Final = json.JSONEncoder(default=repr, separators=(",", ":"))

AT_ONCE: Final = 4096  # bytes that no other process' lines come between in a pipe (PIPE_BUF, pipe(7))


class StandardError:
    """Takes finished lines, and writes those of one round of the event loop together, in their order.

    Those that cannot be written are lost: no request fails for the log's sake.
    """

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._writing = RLock()  # a log line can fall into another: from a finaliser

    def msg(self, line: str) -> None:
        """Write a line in a moment, or at once where no event loop runs."""
        self.write(line + "\n")
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    debug = info = warning = error = critical = msg

    def write(self, text: str) -> None:
        """Keep a text until `flush`, as a file does."""
        self._texts.append(text)

    def flush(self) -> None:
        """Write what there is."""
        with self._writing:
            while self._texts:
                with suppress(OSError, ValueError):  # no space left, nobody reads any more; closed
                    sys.stderr.write(self._piece())
                    sys.stderr.flush()

    def _piece(self) -> str:
        """Take as many whole lines as are written at once, or a longer one alone."""
        lines: list[str] = []
        size = 0
        with suppress(IndexError):  # a finaliser's line fell in here, and was written with what was left
            while self._texts and (not lines or size + len(self._texts[0]) <= AT_ONCE):
                lines.append(self._texts.popleft())
                size += len(lines[-1])
        return "".join(lines)


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
    handler = logging.StreamHandler(standard_error)  # which logging flushes once more at the exit
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
    try:
        line = orjson.dumps(event, default=repr)
    except TypeError:  # not UTF-8, or a number beyond 64 bits
        return JSON.encode(event)
    return line.decode() if line.isascii() else JSON.encode(event)


def _for_libraries(rendering: list[Any]) -> structlog.stdlib.ProcessorFormatter:
    """Have the standard library's records look like our own."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
    )
