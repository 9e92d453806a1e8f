"""The documented deadlines and bounds are those of the code."""

import re
from importlib import import_module
from pathlib import Path

ROW = re.compile(r"^\| [^|]+ \| (\d+)(?: s| bytes)? \| `([a-z.]+)\.([A-Z_]+)` \|", re.MULTILINE)
TEXT = (Path(__file__).parents[2] / "docs" / "deadlines.md").read_text()


def test_every_documented_figure_is_the_codes() -> None:
    rows = ROW.findall(TEXT)
    assert len(rows) == TEXT.count("\n| ") - 1  # but for the head of the table
    for figure, module, name in rows:
        assert getattr(import_module(f"authgql.{module}"), name) == int(figure), name
