"""What is logged is one line of standard error, whoever logs it, and never costs a request its answer."""

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from threading import Thread
from typing import Any

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


class Counting(io.StringIO):
    """A file that counts how often it is written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


class Recording(io.RawIOBase):
    """What a process writes to, a piece at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:  # whatever has bytes
        self.pieces.append(bytes(piece))
        return len(piece)


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


async def test_lines_of_one_moment_are_written_at_once_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    output = Counting()
    monkeypatch.setattr(sys, "stderr", output)
    configure_logging("json")
    for number in range(3):
        structlog.get_logger("ours").info("happened", number=number)
    assert output.writes == 0
    await asyncio.sleep(0)
    assert output.writes == 1
    assert [json.loads(line)["number"] for line in output.getvalue().splitlines()] == [0, 1, 2]


async def test_lines_are_written_in_pieces_that_no_other_workers_lines_tear(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = Recording()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BufferedWriter(raw)))
    configure_logging("json")
    for number in range(100):
        structlog.get_logger("ours").info(
            "happened", number=number, path="/long" * (2000 if number == 50 else 20)
        )
    await asyncio.sleep(0)
    assert len(raw.pieces) < 20
    assert all(piece.endswith(b"\n") for piece in raw.pieces)
    assert all(len(piece) <= 4096 or piece.count(b"\n") == 1 for piece in raw.pieces)
    assert [json.loads(line)["number"] for line in b"".join(raw.pieces).splitlines()] == list(range(100))


async def test_a_librarys_line_does_not_overtake_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    output = written(monkeypatch, "json")
    structlog.get_logger("ours").info("first")
    logging.getLogger("theirs").warning("second")
    assert [json.loads(line)["event"] for line in output.getvalue().splitlines()] == ["first", "second"]


async def test_another_threads_line_does_not_overtake_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    output = written(monkeypatch, "json")
    structlog.get_logger("ours").info("first")
    thread = Thread(target=structlog.get_logger("ours").info, args=["second"])
    thread.start()
    thread.join()  # not awaited: the loop has no round meanwhile
    assert [json.loads(line)["event"] for line in output.getvalue().splitlines()] == ["first", "second"]


class Interrupted(deque[str]):
    """What is kept for the log, with somebody who logs while it is emptied, as a finaliser may."""

    def popleft(self) -> str:
        text = super().popleft()
        if "second" in text:
            logging.getLogger("theirs").warning("meanwhile")
        return text


async def test_no_line_is_lost_when_another_falls_into_its_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("authgql.core.telemetry.deque", Interrupted)
    output = written(monkeypatch, "json")
    for event in ("first", "second", "third"):
        structlog.get_logger("ours").info(event)
    await asyncio.sleep(0)
    told = {json.loads(line)["event"] for line in output.getvalue().splitlines()}
    assert told == {"first", "second", "third", "meanwhile"}


def test_the_last_words_before_the_end_are_written() -> None:
    program = """
import asyncio, structlog
from authgql.core.telemetry import configure_logging

configure_logging("json")
loop = asyncio.new_event_loop()
loop.call_soon(lambda: (structlog.get_logger().info("last"), loop.stop()))
loop.run_forever()
loop.close()
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)  # noqa: S603 -- our own words
    assert json.loads(said.stderr)["event"] == "last"


@pytest.mark.parametrize("value", ["\x9b", "\x7f", "\ud800", 2**64, {1: 2}, b"\x00"])
def test_any_value_makes_a_line_in_ascii(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    output = written(monkeypatch, "json")
    structlog.get_logger("ours").info("happened", value=value)
    expected = json.loads(json.dumps(value, default=repr))
    assert json.loads(output.getvalue())["value"] == expected
    assert output.getvalue().isascii()
