"""The register of requirements is whole, and names tests and documents that exist."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import authgql

ROOT: Final = Path(authgql.__file__).parents[1]
REGISTER: Final = ROOT / "docs" / "asvs.md"
TEXT: Final = REGISTER.read_text()
STATES: Final = ("held", "documented", "duty", "open", "n/a")
TEST: Final = re.compile(r"`((?:\w+/)?test_\w+)(?:::(test_\w+))?`")
LINK: Final = re.compile(r"\[[^\]]+\]\(([^)#]*)(?:#([^)]+))?\)")

# How many requirements each section of the ASVS 5.0 has, and each letter of our own list.
WHOLE: Final = """
    2.1=3 2.2=3 2.3=5 2.4=2  3.1=1 3.2=3 3.3=5 3.4=8 3.5=8 3.6=1 3.7=5  4.1=5 4.2=5 4.3=2 4.4=4
    6.1=3 6.2=12 6.3=8 6.4=6 6.5=8 6.6=4 6.7=2 6.8=4  7.1=3 7.2=4 7.3=2 7.4=5 7.5=3 7.6=2
    8.1=4 8.2=4 8.3=3 8.4=2  9.1=3 9.2=4  10.1=2 10.2=3 10.3=5 10.4=16 10.5=5 10.6=2 10.7=3
    11.1=4 11.2=5 11.3=5 11.4=4 11.5=2 11.6=2 11.7=2  12.1=5 12.2=2 12.3=5  13.1=4 13.2=6 13.3=4 13.4=7
    14.1=2 14.2=8 14.3=3  15.1=5 15.2=5 15.3=7 15.4=4  16.1=1 16.2=5 16.3=4 16.4=3 16.5=4
"""
SOME: Final = "1.2.1 1.2.2 1.2.4 1.2.5 1.3.6 1.3.7 1.3.11 1.3.12 1.4.2 1.5.2 1.5.3"
OURS: Final = "G=10 D=9 B=5 J=9 R=12 A=5 P=7 L=5 N=6 F=4 W=3 O=13"


@dataclass(frozen=True)
class Row:
    """One requirement, and what becomes of it here."""

    id: str
    asks: str
    state: str
    by: str


def _rows() -> Iterator[Row]:
    for line in TEXT.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if re.fullmatch(r"[\d.]+|[A-Z]\d+r?", cells[0]):
            yield Row(*cells)


ROWS: Final = list(_rows())


def counted(sections: str, form: str) -> Iterator[str]:
    for section in sections.split():
        name, _, count = section.partition("=")
        yield from (form.format(name, number) for number in range(1, int(count) + 1))


def expected() -> list[str]:
    ours = [f"{row}r" if row.startswith("L") else row for row in counted(OURS, "{}{}")]
    return [*SOME.split(), *counted(WHOLE, "{}.{}"), *ours]


def files_named(name: str) -> list[Path]:
    return [path for path in (ROOT / "tests").rglob("test_*.py") if f"/{path}".endswith(f"/{name}.py")]


def anchors_of(document: Path) -> set[str]:
    """Return what the headings of a document are called in links."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_requirement_is_there_once() -> None:
    assert Counter(row.id for row in ROWS) == Counter(expected())


def test_every_row_has_a_state_and_says_by_what() -> None:
    assert [row.id for row in ROWS if row.state not in STATES or not row.by or not row.asks] == []


@pytest.mark.parametrize("row", [row for row in ROWS if TEST.search(row.by)], ids=lambda row: row.id)
def test_every_test_named_exists(row: Row) -> None:
    for name, function in TEST.findall(row.by):
        (file,) = files_named(name)
        assert not function or re.search(rf"^(async )?def {function}\(", file.read_text(), re.MULTILINE)


def test_what_is_held_is_held_by_tests_and_what_is_documented_by_documents() -> None:
    held = [
        row.id for row in ROWS if row.state == "held" and not any(test for _, test in TEST.findall(row.by))
    ]
    documented = [row.id for row in ROWS if row.state == "documented" and not LINK.search(row.by)]
    assert (held, documented) == ([], [])


@pytest.mark.parametrize("row", [row for row in ROWS if LINK.search(row.by)], ids=lambda row: row.id)
def test_every_document_named_exists(row: Row) -> None:
    for path, anchor in LINK.findall(row.by):
        document = (REGISTER.parent / path).resolve() if path else REGISTER
        assert document.is_file()
        assert not anchor or anchor in anchors_of(document)


def test_what_is_open_for_all_is_told_in_the_threat_model() -> None:
    assert "docs/asvs.md" in (ROOT / "SECURITY.md").read_text()
