"""The limits are those that the README tells."""

import re
from pathlib import Path

import pytest

from authgql.web import bounds
from authgql.web.bounds import TooComplex, check_size

README = Path(__file__).parents[2] / "README.md"
ROW = re.compile(r"^\| ([a-z ]+) \| ([\d,]+) \|", re.MULTILINE)


def test_the_readme_tells_every_limit() -> None:
    told = {
        name.replace(" ", "_").upper(): int(most.replace(",", ""))
        for name, most in ROW.findall(README.read_text())
    }
    kept = {name.removeprefix("MAX_"): most for name, most in vars(bounds).items() if name.startswith("MAX_")}
    assert told == kept


@pytest.mark.parametrize(
    ("query", "tokens"),
    [
        ("", 0),
        ("{ me }", 3),
        ("# one\n{ me } # two", 5),
        ('{ user(username: "a b c") { id } }', 11),
        ('{ a "never closed', 2),  # the parser tells of the rest
    ],
)
def test_tokens_are_counted_as_the_parser_will_see_them(query: str, tokens: int) -> None:
    assert check_size(query) == tokens


def test_what_comes_after_the_limit_is_not_read() -> None:
    with pytest.raises(TooComplex, match="1001 tokens or more"):
        check_size("{" + "a " * 1_000 + "\0" * 60_000)
