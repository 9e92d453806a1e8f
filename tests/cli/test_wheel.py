"""What is installed is what was tested: the wheel has everything that the program reads."""

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(  # noqa: S603 -- our own build
        [PYTHON, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    with ZipFile(wheel) as archive:
        archive.extractall(directory)
    return directory


def test_every_file_of_the_package_is_in_the_wheel(unpacked: Path) -> None:
    source = ROOT / "authgql"
    ours = {file.relative_to(source) for file in source.rglob("*") if file.is_file() and is_shipped(file)}
    assert ours <= {file.relative_to(unpacked / "authgql") for file in (unpacked / "authgql").rglob("*")}


def is_shipped(file: Path) -> bool:
    return not {"__pycache__", "node_modules"} & set(file.parts)


def test_the_migrations_come_with_it(unpacked: Path) -> None:
    theirs = {file.name for file in (unpacked / "authgql" / "migrations" / "models").glob("[0-9]*.py")}
    assert theirs == {file.name for file in (ROOT / "migrations" / "models").glob("[0-9]*.py")}
    assert theirs


def test_nothing_else_comes_with_it(unpacked: Path) -> None:
    assert {entry.name for entry in unpacked.iterdir()} == {"authgql", "authgql-0.1.0.dist-info"}
    assert (unpacked / "authgql" / "py.typed").exists()
    assert not list(unpacked.rglob("*.pyc"))
    assert not list(unpacked.rglob(".env"))


def test_it_says_what_it_is(unpacked: Path) -> None:
    information = unpacked / "authgql-0.1.0.dist-info"
    metadata = (information / "METADATA").read_text()
    assert "Name: authgql" in metadata
    assert "Requires-Python: >=3.11" in metadata
    assert "authgql = authgql.cli:main" in (information / "entry_points.txt").read_text()
    assert (information / "licenses" / "LICENSE").exists()


def test_it_runs_without_the_repository(unpacked: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for arguments, said in (
        (["migrate"], "Applied 0_"),
        (["migrate"], "Nothing to do"),
        (["schema"], "schema @link"),
    ):
        program = f"import sys, authgql.cli; sys.argv[1:] = {arguments!r}; authgql.cli.main()"
        ran = subprocess.run(  # noqa: S603 -- our own program
            [PYTHON, "-c", program],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": str(unpacked)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert ran.stdout.startswith(said)
    where = subprocess.run(  # noqa: S603 -- our own program
        [PYTHON, "-c", "import authgql; print(authgql.__file__)"],
        cwd=elsewhere,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(unpacked))
    assert (elsewhere / "var" / "authgql.db").exists()
