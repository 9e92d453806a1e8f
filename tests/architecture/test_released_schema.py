"""Composers take the schema, and no client of the last release is left behind by it."""

import subprocess
from pathlib import Path

import pytest
from support.gateways import PACKAGES, ROOT
from support.node import run_script
from support.posts import SCHEMA

from authgql.web.schema import build_schema

pytestmark = pytest.mark.node

SERVED = ROOT / "schema.graphql"
RELEASED = Path(__file__).parent / "released.graphql"  # replaced by schema.graphql at each release
# The inspector looks at the schema as a client does, and wants every directive defined.
DIRECTIVES = """
directive @link(url: String!, import: [String!]) repeatable on SCHEMA
directive @key(fields: String!) repeatable on OBJECT
directive @shareable on OBJECT
"""


def compared(released: Path, served: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Compare two schemas as a client would have it, and return the inspector's verdict."""
    files = {"released": released.read_text(), "served": served}
    for name, schema in files.items():
        (directory / f"{name}.graphql").write_text(DIRECTIVES + schema)
    return subprocess.run(  # noqa: S603 -- a program of the tests
        [PACKAGES / ".bin/graphql-inspector", "diff", *(f"{name}.graphql" for name in files)],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_nothing_that_the_last_release_had_is_broken(tmp_path: Path) -> None:
    verdict = compared(RELEASED, SERVED.read_text(), tmp_path)
    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  pendingEmail: String\n", "  pendingEmail: Int\n"),
        ("union _Entity = Session | User", "union _Entity = User"),
        ("input LoginInput {", "input LoginInput {\n  pin: Int!\n"),
    ],
)
def test_a_broken_promise_would_be_noticed(tmp_path: Path, before: str, after: str) -> None:
    schema = SERVED.read_text()
    assert before in schema
    verdict = compared(RELEASED, schema.replace(before, after, 1), tmp_path)
    assert verdict.returncode == 1
    assert "breaking change" in verdict.stdout + verdict.stderr


@pytest.mark.parametrize(("auth_directives", "told"), [(False, ""), (True, " with @authenticated")])
def test_both_composers_take_the_schema(tmp_path: Path, *, auth_directives: bool, told: str) -> None:
    for name, schema in (
        ("accounts", build_schema(auth_directives=auth_directives).sdl),
        ("posts", SCHEMA.as_str()),
    ):
        (tmp_path / f"{name}.graphql").write_text(schema)
    printed = run_script("compose.cjs", str(tmp_path / "accounts.graphql"), str(tmp_path / "posts.graphql"))
    assert printed.splitlines() == [f"{name}: composed{told}" for name in ("apollo", "hive")]
