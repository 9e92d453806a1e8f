"""Reads the example operations: one valid GraphQL document, each operation with a title and its variables."""

import re
from pathlib import Path
from typing import TypedDict

_HEADING = re.compile(r"^### (?P<group>[^:\n]+): (?P<title>.+)$\n?", re.MULTILINE)
_VARIABLES = re.compile(r"^#= ?(.*)$\n?", re.MULTILINE)


class Example(TypedDict):
    """One operation, as the page's script takes it."""

    group: str
    title: str
    query: str
    variables: str


def read_examples(path: Path) -> list[Example]:
    """Split the document at its `### group: title` lines; lines that start with `#=` are the variables."""
    _, *parts = _HEADING.split(path.read_text(encoding="utf-8"))
    return [
        _example(group, title, body)
        for group, title, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def _example(group: str, title: str, body: str) -> Example:
    return Example(
        group=group,
        title=title,
        query=_VARIABLES.sub("", body).strip(),
        variables="\n".join(_VARIABLES.findall(body)),
    )
