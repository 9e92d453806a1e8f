"""What only some rooms may do is done nowhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import authgql

PACKAGE = Path(authgql.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 260

# What only some servers need is loaded where it is built: Redis' library takes 5.5 MiB.
LATE = {"system.py: authgql.core.redis", "system.py: authgql.limits.shared"}

# What is used, by its dotted name, and where alone it may be.
RESERVED = {
    "os.environ": ("environment.py",),
    "os.getenv": ("environment.py",),
    "dotenv": ("environment.py",),
    "datetime.now": ("core/",),
    "datetime.utcnow": ("core/",),
    "secrets": ("core/",),
    "hashlib": ("core/",),
    "hmac": ("core/",),
    "cryptography": ("core/", "keys/", "tokens/jws.py"),
    "argon2": ("passwords/",),
    "uuid.uuid4": ("core/",),
    "random": (),
    "tortoise.transactions": ("core/",),
    "tortoise.queryset": ("accounts/", "audit/", "keys/", "links/", "mail/", "sessions/", "tokens/", "core/"),
    "requests": (),
    "urllib.request": (),  # no address that anybody names is ever fetched
    "http.client": (),
    "pickle": (),
    "marshal": (),
    "yaml": (),
    "subprocess": (),
    "os.system": (),
    "os.popen": (),
    "eval": (),
    "exec": (),
}


def _used(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id


@pytest.mark.parametrize("name", RESERVED)
def test_what_is_reserved_to_a_room_is_used_in_no_other(name: str) -> None:
    strangers = [
        str(file.relative_to(PACKAGE))
        for file in FILES
        if name in set(_used(ast.parse(file.read_text())))
        and not str(file.relative_to(PACKAGE)).startswith(RESERVED[name] or ("nowhere",))
    ]
    assert strangers == []


def test_no_import_hides_inside_a_function() -> None:
    hidden = {
        f"{file.relative_to(PACKAGE)}: {getattr(node, 'module', None) or node.names[0].name}"
        for file in FILES
        for function in ast.walk(ast.parse(file.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert hidden == LATE


def test_every_module_begins_with_its_promise() -> None:
    silent = [
        str(file.relative_to(PACKAGE))
        for file in FILES
        if file.read_text().strip() and not ast.get_docstring(ast.parse(file.read_text()))
    ]
    assert silent == []


def test_no_file_grows_beyond_what_one_reads_in_a_sitting() -> None:
    lengths = {str(file.relative_to(PACKAGE)): len(file.read_text().splitlines()) for file in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_models_are_asked_for_by_their_own_room_and_those_that_point_at_them() -> None:
    """Other rooms may name a row's type; only its own room queries it."""
    queries = {"filter", "get", "get_or_none", "create", "bulk_create", "all", "exists"}
    strangers = []
    for file in FILES:
        room = file.relative_to(PACKAGE).parts[0]
        tree = ast.parse(file.read_text())
        foreign = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module and node.module.endswith(".models")
            if not node.module.startswith((f"authgql.{room}.", "aerich", "tortoise"))
            for alias in node.names
        }
        strangers += [
            f"{file.relative_to(PACKAGE)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and node.attr in queries
            and isinstance(node.value, ast.Name)
            and node.value.id in foreign
        ]
    assert strangers == []
