"""The page about events lists every one that can be written, with what it tells (ASVS 16.1.1)."""

import re
from pathlib import Path

import authgql
from authgql.audit.events import Event

PAGE = (Path(authgql.__file__).parents[1] / "docs" / "events.md").read_text()


def test_the_documented_events_are_those_that_can_be_written() -> None:
    documented = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert documented == {event.kind: event.sentence.replace("{reason}", "*why*") for event in Event}
