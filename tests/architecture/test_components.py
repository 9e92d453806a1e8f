"""What is built in is pinned by its bytes, and no older than its last known hole."""

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement

import authgql

LOCK = (Path(authgql.__file__).parents[1] / "requirements.lock").read_text()
PINS = dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z0-9,]+\])?==([^ ;\\]+)", LOCK, re.MULTILINE))

# The first releases without the holes that were known in November 2026. An audit against a database of
# vulnerabilities needs the network, and is for whoever releases.
FLOORS = {
    "pyjwt": (2, 13),  # CVE-2026-48522 to 48526
    "starlette": (1, 3, 1),  # CVE-2026-54283
    "h11": (0, 16),  # CVE-2025-43859
    "strawberry-graphql": (0, 323, 2),  # its masking of errors
    "graphql-core": (3, 2, 12),  # CVE-2026-75507, 75508
    "uvicorn": (0, 51),
    "tortoise-orm": (1, 1),
}
ABSENT = ("python-multipart", "multipart")  # forms and files are taken nowhere


def test_no_component_is_older_than_its_last_known_hole() -> None:
    for name, floor in FLOORS.items():
        assert tuple(int(part) for part in re.findall(r"\d+", PINS[name])) >= floor, name
    assert not set(ABSENT) & PINS.keys()


def test_every_component_is_pinned_by_its_hash() -> None:
    entries = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) > 50
    for entry in entries:
        assert re.match(r"[a-z0-9._\[\],-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_an_extra_is_pinned_as_it_is_asked_for() -> None:
    """Before 23.3, pip looks past the pin of `name` for `name[extra]`, and takes the newest with no hash."""
    for name in PINS:
        try:
            needs = [Requirement(line) for line in requires(name) or ()]
        except PackageNotFoundError:  # for another platform
            continue
        for need in needs:
            if need.extras and (need.marker is None or need.marker.evaluate({"extra": ""})):
                assert f"{need.name.lower()}[{','.join(sorted(need.extras))}]==" in LOCK, (name, str(need))
