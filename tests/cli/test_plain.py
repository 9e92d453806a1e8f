"""A server does not hold what it never uses, and takes nothing from a process that has it already."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from authgql.plain import import_without

DRAWING = """
try:
    import colours
except ImportError:
    colours = None
"""


def test_no_server_holds_what_draws_tracebacks_in_colour() -> None:
    script = "import authgql.cli, structlog, sys; print('rich' in sys.modules)"
    program = [sys.executable, "-c", script]
    said = subprocess.run(program, check=True, capture_output=True, text=True)  # noqa: S603 -- our own program
    assert said.stdout.strip() == "False"


def test_what_a_module_was_imported_without_can_be_imported_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "colours.py").touch()
    (tmp_path / "drawing.py").write_text(DRAWING)
    import_without("colours", "drawing")
    assert importlib.import_module("drawing").colours is None
    colours = importlib.import_module("colours")
    import_without("colours", "nowhere")  # somebody has them: nothing is imported, or taken away
    assert sys.modules.pop("colours") is colours
    del sys.modules["drawing"]
