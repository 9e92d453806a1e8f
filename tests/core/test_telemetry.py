"""What is logged is one line of standard error, whoever logs it, and never costs a request its answer."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog
from support.app import Application
from support.dialects import no_database
from support.documents import ME

from authgql.core.telemetry import NOISY, configure_logging


class Full(io.StringIO):
    """A file on a disk without space."""

    def write(self, _: str) -> int:
        raise OSError(28, "No space left on device")


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in NOISY}
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def written(monkeypatch: pytest.MonkeyPatch, log_format: str) -> io.StringIO:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    configure_logging(log_format)
    return output


def test_our_own_lines_and_the_libraries_look_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    output = written(monkeypatch, "json")
    structlog.get_logger("ours").warning("happened", at="/\n\x1b[2J\x9b", thing=object)
    structlog.get_logger("ours").debug("unimportant")
    logging.getLogger("theirs").warning("happened")
    ours, theirs = map(json.loads, output.getvalue().splitlines())
    assert ours.keys() - theirs.keys() == {"at", "thing"}
    assert (ours["event"], ours["level"], ours["at"]) == ("happened", "warning", "/\n\x1b[2J\x9b")
    assert output.getvalue().isascii()
    assert "\x1b" not in output.getvalue()


def test_a_traceback_is_within_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    output = written(monkeypatch, "json")
    try:
        dict[str, str]()["what was missing"]
    except KeyError:
        structlog.get_logger("ours").exception("failed")
    assert "what was missing" in json.loads(output.getvalue())["exception"]


@no_database
@pytest.mark.parametrize("log_format", ["json", "console"])
async def test_a_log_that_cannot_be_written_costs_no_answer(
    app: Application, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    configure_logging(log_format)
    monkeypatch.setattr(sys, "stderr", Full())
    assert (await app.gql(ME)).body == {"data": {"me": None}}
