"""The command line says in one line what is wrong, and exits 0 only if all went well."""

import io
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
import uvloop
from conftest import StartServer
from support.app import PASSWORD, SECRET
from support.databases import PostgresServer
from support.dialects import no_database
from support.documents import LOGIN, ME, REGISTER
from support.process import AUTHGQL

from authgql import cli
from authgql.core.database import current
from authgql.environment import load
from authgql.wiring import build

COMMANDS = {
    "": "every login is a tracked session",
    "serve": "Serve the GraphQL API until SIGTERM.",
    "migrate": "Bring the database to this version's schema.",
    "audit": "The trail of security events.",
    "audit verify": "Check that no sealed event was changed, added or removed.",
    "janitor": "Delete what is over and truncate old addresses",
    "schema": "Print the GraphQL schema, as this server's settings have it.",
    "keys": "The keys that sign access tokens.",
    "keys list": "Show the keys in use",
    "keys rotate": "Publish a new key.",
    "keys retire": "Refuse a key's tokens",
    "users": "Accounts, for the operator.",
    "users create": "Create an account.",
    "users promote": "Make an account an administrator.",
    "users lock": "Keep an account from signing in, and end its sessions.",
    "users unlock": "Let an account sign in again that was locked",
    "users sign-out": "End every session of an account, or of all accounts.",
}
LOGIN_INPUT: dict[str, object] = {"input": {"username": "ada", "password": PASSWORD}}


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line that says what is wrong."""
        assert self.status == 1
        assert self.out == ""
        assert "Traceback" not in self.err
        lines = [line for line in self.err.splitlines() if "[info " not in line]
        (line,) = lines
        assert line.startswith("authgql: ")
        return line.removeprefix("authgql: ")


Command = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the program in this process, as its console script does."""

    def run(*arguments: str, stdin: str = "", **settings: str) -> Ran:
        for name, value in settings.items():
            monkeypatch.setenv(f"AUTHGQL_{name}", value)
        monkeypatch.setattr(sys, "argv", ["authgql", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        code = exit_.value.code
        out, err = capsys.readouterr()
        return Ran(status=code if isinstance(code, int) else int(code is not None), out=out, err=err)

    return run


@pytest.fixture
def migrated(run: Command, monkeypatch: pytest.MonkeyPatch, database_url: str) -> Command:
    """Run the program on a migrated database."""
    monkeypatch.setenv("AUTHGQL_DATABASE_URL", database_url)
    monkeypatch.setenv("AUTHGQL_SECRET_KEYS", SECRET)
    monkeypatch.setenv("AUTHGQL_PUBLIC_URL", "https://id.example.com")
    monkeypatch.setenv("AUTHGQL_PASSWORD_HASH_PROFILE", "testing")
    return run


def script(*arguments: str, stdin: bytes = b"", **settings: str) -> subprocess.CompletedProcess[bytes]:
    """Run the real console script."""
    named = {f"AUTHGQL_{name}": value for name, value in settings.items()}
    return subprocess.run(  # noqa: S603 -- our own program
        [AUTHGQL, *arguments],
        input=stdin,
        capture_output=True,
        env={**os.environ, **named},
        timeout=60,
        check=False,
    )


# ---------------------------------------------------------------- help


@pytest.mark.parametrize(("command", "text"), COMMANDS.items())
def test_every_command_explains_itself(run: Command, command: str, text: str) -> None:
    helped = run(*command.split(), "--help")
    assert (helped.status, helped.err) == (0, "")
    assert text in " ".join(helped.out.replace("│", " ").split())


def test_the_package_runs_as_the_script_does() -> None:
    said = subprocess.run([sys.executable, "-m", "authgql", "--help"], capture_output=True, check=True)
    assert COMMANDS[""] in said.stdout.decode()


def test_a_program_without_a_redis_does_not_load_its_library() -> None:
    program = "import sys, authgql.cli; print('redis' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)  # noqa: S603 -- our own program
    assert said.stdout == b"False\n"


@pytest.mark.parametrize("command", ["", "users"])
def test_a_group_without_a_command_shows_its_commands_and_fails(run: Command, command: str) -> None:
    shown = run(*command.split())
    assert shown.status == 2
    assert "Usage: authgql" in shown.out + shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["users", "nonsense"],
        ["serve", "--nonsense"],
        ["serve", "--port", "0"],
        ["serve", "--port", "65536"],
        ["serve", "--port", "http"],
        ["users", "create", "ada"],
        ["users", "lock"],
    ],
)
def test_a_command_that_does_not_exist_is_not_guessed(run: Command, arguments: list[str]) -> None:
    refused = run(*arguments)
    assert (refused.status, refused.out) == (2, "")
    assert "Usage: authgql" in refused.err
    assert "Traceback" not in refused.err


# ---------------------------------------------------------------- serve, when it cannot


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({}, "AUTHGQL_PUBLIC_URL is not set."),
        ({"PUBLIC_URL": "https://id.example.com"}, "AUTHGQL_SECRET_KEYS is not set."),
        ({"PUBLIC_ULR": "https://id.example.com"}, "AUTHGQL_PUBLIC_ULR is not a setting; did you mean"),
        ({"PUBLIC_URL": "http://id.example.com"}, "AUTHGQL_PUBLIC_URL: must be https"),
        ({"SECRET_KEYS": "short"}, "AUTHGQL_SECRET_KEYS: each key needs at least 32 characters"),
        ({"ACCESS_TOKEN_TTL": "10m"}, "AUTHGQL_ACCESS_TOKEN_TTL: must be whole seconds"),
    ],
)
def test_a_server_does_not_start_with_wrong_settings(
    run: Command, settings: dict[str, str], complaint: str
) -> None:
    assert run("serve", **settings).complaint.startswith(complaint)


def test_a_server_does_not_start_on_an_older_schema(run: Command) -> None:
    settings = {"PUBLIC_URL": "https://id.example.com", "SECRET_KEYS": SECRET}
    assert "Run `authgql migrate`." in run("serve", "--port", str(free()), **settings).complaint


@pytest.mark.parametrize(
    "url", ["postgres://authgql@127.0.0.1:1/authgql", "sqlite:///proc/nowhere/authgql.db", "sqlite:///proc"]
)
@pytest.mark.parametrize("command", [["serve"], ["migrate"], ["users", "lock", "ada"]])
def test_a_database_that_is_away_is_said_to_be(run: Command, command: list[str], url: str) -> None:
    port = ["--port", str(free())] if command == ["serve"] else []
    settings = {"PUBLIC_URL": "https://id.example.com", "SECRET_KEYS": SECRET, "DATABASE_URL": url}
    complaint = run(*command, *port, **settings).complaint
    assert complaint.startswith("The database cannot be reached: ")
    assert complaint.endswith(" Check AUTHGQL_DATABASE_URL.")


@no_database
@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("127.0.0.1", "Address already in use"),
        ("192.0.2.1", "Cannot assign requested address"),
        ("nowhere.invalid", ""),
    ],
)
def test_an_address_that_cannot_be_had_is_said_to_be(migrated: Command, host: str, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        complaint = migrated("serve", "--host", host, "--port", str(port)).complaint
    assert complaint.startswith(f"Cannot listen on {host}:{port}: {reason}")


def test_a_server_does_not_start_with_secrets_that_open_nothing(migrated: Command, database_url: str) -> None:
    async def make_a_key() -> None:
        system = build(load())
        async with system.serving():
            pass

    uvloop.run(make_a_key())
    complaint = migrated("serve", "--port", str(free()), SECRET_KEYS="another-" + SECRET).complaint
    assert "sealed under a key that is not among the secrets" in complaint
    assert database_url not in complaint


def test_a_mistake_of_ours_is_not_hidden_from_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistake(**_: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(cli, "build_schema", mistake)
    monkeypatch.setattr(sys, "argv", ["authgql", "schema"])
    with pytest.raises(KeyError, match="ours"):
        cli.main()


def free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


# ---------------------------------------------------------------- migrate and schema


def test_migrating_makes_a_database_and_does_nothing_the_second_time(run: Command) -> None:
    first = run("migrate", DATABASE_URL="sqlite://new/place/authgql.db")
    assert first.status == 0
    assert first.out.startswith("Applied 0_")
    assert Path("new/place/authgql.db").exists()
    second = run("migrate")
    assert (second.status, second.out) == (0, "Nothing to do: the schema is up to date.\n")


def test_migrating_an_empty_postgresql_database(run: Command, postgres: PostgresServer) -> None:
    assert run("migrate", DATABASE_URL=postgres.create("fresh")).out.startswith("Applied 0_")
    assert run("migrate").out.startswith("Nothing to do")


def test_several_nodes_may_migrate_at_once() -> None:
    commands = [
        subprocess.Popen([AUTHGQL, "migrate"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603
        for _ in range(3)
    ]
    outputs = [command.communicate(timeout=60) for command in commands]
    assert [command.returncode for command in commands] == [0, 0, 0], outputs
    assert sorted(out[:7] for out, _ in outputs) == [b"Applied", b"Nothing", b"Nothing"]


def test_the_schema_is_the_one_in_the_repository_and_needs_no_settings() -> None:
    printed = script("schema")
    assert (printed.returncode, printed.stderr) == (0, b"")
    assert printed.stdout == (Path(__file__).parents[2] / "schema.graphql").read_bytes()


def test_the_schema_may_be_cut_off_by_who_reads_it() -> None:
    program = f"{AUTHGQL} schema | head -1"
    read = subprocess.run(["sh", "-c", program], capture_output=True, timeout=60, check=False)  # noqa: S603, S607
    assert read.stdout.startswith(b"schema @link")
    assert b"Traceback" not in read.stderr


# ---------------------------------------------------------------- users


def test_an_account_is_created_with_a_password_from_standard_input(migrated: Command) -> None:
    created = migrated("users", "create", "ada", "ada@example.com", stdin=f"{PASSWORD}\n")
    assert created.status == 0
    assert created.out.startswith("Created ada (")
    assert PASSWORD not in created.out + created.err
    assert "ada@example.com" not in created.err


@pytest.mark.parametrize(
    ("username", "email", "password", "complaint"),
    [
        ("ad", "ada@example.com", PASSWORD, "Correct these fields: username."),
        ("ada", "nonsense", PASSWORD, "Correct these fields: email."),
        ("a b", "@", PASSWORD, "Correct these fields: username, email."),
        ("ada", "ada@example.com", "short", "Use at least 8 characters."),
        ("ada", "ada@example.com", "", "Use at least 8 characters."),
        ("ada", "ada@example.com", "password", ""),
        ("ada", "ada@example.com", "nul\0nul\0nul\0", ""),
    ],
)
def test_an_account_that_cannot_be_is_not_created(
    migrated: Command, username: str, email: str, password: str, complaint: str
) -> None:
    refused = migrated("users", "create", username, email, stdin=f"{password}\n")
    assert refused.complaint.startswith(complaint)
    assert migrated("users", "lock", "ada").complaint == "No account has the username or e-mail address ada."


def test_a_name_or_address_that_is_taken_is_said_to_be(migrated: Command) -> None:
    migrated("users", "create", "ada", "ada@example.com", stdin=f"{PASSWORD}\n")
    again = migrated("users", "create", "ADA", "other@example.com", stdin=f"{PASSWORD}\n")
    assert again.complaint == "This username is taken. Choose another."
    again = migrated("users", "create", "other", "Ada@Example.com", stdin=f"{PASSWORD}\n")
    assert "address" in again.complaint


def test_an_administrator_is_made_once(migrated: Command) -> None:
    migrated("users", "create", "ada", "ada@example.com", stdin=f"{PASSWORD}\n")
    assert migrated("users", "promote", "ada").out == "ada is now an administrator.\n"
    assert migrated("users", "promote", "ADA@example.com").out == "ada is already an administrator.\n"


def test_a_lock_is_set_and_lifted_once(migrated: Command) -> None:
    migrated("users", "create", "ada", "ada@example.com", stdin=f"{PASSWORD}\n")
    said = [
        migrated("users", command, "ada").out for command in ("unlock", "lock", "lock", "unlock", "unlock")
    ]
    assert said == [
        "ada is not locked.\n",
        "ada is now locked.\n",
        "ada is already locked.\n",
        "ada is no longer locked.\n",
        "ada is not locked.\n",
    ]


@pytest.mark.parametrize("command", ["promote", "lock", "unlock"])
def test_an_account_that_does_not_exist_is_said_not_to(migrated: Command, command: str) -> None:
    complaint = "No account has the username or e-mail address nobody."
    assert migrated("users", command, "nobody").complaint == complaint


@no_database
@pytest.mark.parametrize("command", ["promote", "lock", "unlock"])
def test_accounts_need_the_secrets(migrated: Command, command: str) -> None:
    assert migrated("users", command, "ada", SECRET_KEYS="").complaint.startswith(
        "AUTHGQL_SECRET_KEYS is not set."
    )


def test_accounts_need_the_schema(run: Command) -> None:
    assert "Run `authgql migrate`." in run("users", "lock", "ada", SECRET_KEYS=SECRET).complaint


def test_a_password_is_asked_for_twice_on_a_terminal() -> None:
    settings = {
        "SECRET_KEYS": SECRET,
        "PASSWORD_HASH_PROFILE": "testing",
        "PUBLIC_URL": "https://id.example.com",
    }
    assert script("migrate").returncode == 0
    arguments = [str(AUTHGQL), "users", "create", "ada", "ada@example.com"]
    terminal = f"import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn({arguments!r})))"
    with subprocess.Popen(  # noqa: S603 -- our own program, on a terminal
        [sys.executable, "-c", terminal],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **{f"AUTHGQL_{name}": value for name, value in settings.items()}},
    ) as asked:
        assert asked.stdin
        assert asked.stdout
        shown = b""
        for prompt in (b"Password: ", b"Repeat for confirmation: "):
            while not shown.endswith(prompt):
                shown += os.read(asked.stdout.fileno(), 1)
            asked.stdin.write(PASSWORD.encode() + b"\n")
            asked.stdin.flush()
        shown += asked.stdout.read()
        assert asked.wait(60) == 0
    assert b"Created ada (" in shown
    assert PASSWORD.encode() not in shown


def test_a_password_that_is_no_text_is_refused_in_one_line() -> None:
    script("migrate")
    settings = {"SECRET_KEYS": SECRET, "PASSWORD_HASH_PROFILE": "testing"}
    complaint = b"authgql: What you gave is not text in UTF-8.\n"
    refused = script("users", "create", "ada", "ada@example.com", stdin=b"\xff\xfe" * 10, **settings)
    assert (refused.returncode, refused.stderr) == (1, complaint)


# ---------------------------------------------------------------- beside a running server


@pytest.mark.process
def test_what_an_operator_does_holds_from_the_servers_next_request_on(
    start_server: StartServer, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server("--dev")
    monkeypatch.setenv("AUTHGQL_SECRET_KEYS", SECRET)
    monkeypatch.setenv("AUTHGQL_PASSWORD_HASH_PROFILE", "testing")
    given = {"username": "ada", "email": "ada@example.com", "password": PASSWORD}
    server.gql(REGISTER, {"input": given})
    token = server.gql(LOGIN, LOGIN_INPUT)["data"]["login"]["tokens"]["accessToken"]
    assert server.gql(ME, token=token)["data"]["me"]["username"] == "ada"

    assert run("users", "lock", "ada", "--dev").out == "ada is now locked.\n"
    assert server.gql(ME, token=token) == {"data": {"me": None}}
    assert server.gql(LOGIN, LOGIN_INPUT)["data"]["login"]["code"] == "INVALID_CREDENTIALS"

    assert run("users", "unlock", "ada", "--dev").status == 0
    assert server.gql(ME, token=token) == {"data": {"me": None}}
    token = server.gql(LOGIN, LOGIN_INPUT)["data"]["login"]["tokens"]["accessToken"]

    signed_out = run("users", "sign-out", "ada@example.com", "--dev")
    assert (signed_out.out, signed_out.err) == ("Sessions ended: 1.\n", "")
    assert server.gql(ME, token=token) == {"data": {"me": None}}
    token = server.gql(LOGIN, LOGIN_INPUT)["data"]["login"]["tokens"]["accessToken"]
    assert run("users", "sign-out", "--all", "--dev").out == "Sessions ended: 1. Accounts: 1.\n"
    assert server.gql(ME, token=token) == {"data": {"me": None}}
    token = server.gql(LOGIN, LOGIN_INPUT)["data"]["login"]["tokens"]["accessToken"]

    asked = '{ user(username: "grace") { id } }'
    assert run("users", "create", "grace", "grace@example.com", "--dev", stdin=f"{PASSWORD}\n").status == 0
    assert server.gql(asked, token=token)["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert run("users", "promote", "ada", "--dev").status == 0
    assert server.gql(asked, token=token)["data"]["user"]["id"]


@pytest.mark.parametrize("given", [[], ["ada", "--all"]])
def test_whom_to_sign_out_is_one_account_or_all(migrated: Command, given: list[str]) -> None:
    assert migrated("users", "sign-out", *given).complaint == "Name an account, or give --all."


# ---------------------------------------------------------------- keys


def test_the_keys_of_a_server_that_never_started_are_none(migrated: Command) -> None:
    assert migrated("keys", "list").out == "No keys yet; the server makes one at its start.\n"


def test_a_key_is_published_then_retired_by_the_operator(migrated: Command) -> None:
    published = migrated("keys", "rotate").out
    kid = published.removeprefix("Published ").partition(".")[0]
    assert "It signs from " in published
    assert migrated("keys", "list").out.startswith(f"{kid}  ES256  published  signs from ")
    assert migrated("keys", "retire", kid).out == f"Retired {kid}. Sessions go on: clients refresh.\n"
    (signing,) = migrated("keys", "list").out.splitlines()
    assert kid not in signing
    assert "  signing    signs from " in signing


def test_a_key_that_is_not_in_use_cannot_be_retired(migrated: Command) -> None:
    complaint = migrated("keys", "retire", "nobody").complaint
    assert complaint == "No key nobody is in use. `authgql keys list` shows those that are."


# ---------------------------------------------------------------- janitor


def test_the_janitor_says_in_two_lines_what_it_did(migrated: Command) -> None:
    cleaned = migrated("janitor")
    assert (cleaned.status, cleaned.err) == (0, "")
    assert cleaned.out.splitlines() == [
        "Addresses truncated: 0 sessions, 0 events.",
        "Deleted: 0 sessions, 0 links, 0 mails, 0 events.",
    ]
    settings = {"IP_RETENTION_DAYS": "0", "SESSION_RETENTION_DAYS": "0"}
    assert migrated("janitor", **settings).out.startswith("Addresses truncated: none.\n")


def test_the_janitor_needs_a_schema_and_secrets(run: Command, database_url: str) -> None:
    assert run("janitor", DATABASE_URL=database_url).complaint.startswith("AUTHGQL_SECRET_KEYS is not set.")
    assert (
        "Run `authgql migrate`."
        in run("janitor", DATABASE_URL="sqlite://new.db", SECRET_KEYS=SECRET).complaint
    )


# ---------------------------------------------------------------- audit verify


def seal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seal what there is, as a server does once it has settled."""
    monkeypatch.setattr("authgql.audit.chain.SETTLING_SECONDS", 0)
    monkeypatch.setattr("authgql.audit.chain.SLICE_SECONDS", 0.001)

    async def work() -> None:
        system = build(load())
        async with system.running():
            await system.chain.seal()

    uvloop.run(work())


def test_a_trail_that_is_whole_is_said_to_be_with_its_head(
    migrated: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrated("audit", "verify").out == "Nothing is sealed yet. Events: 0.\n"
    migrated("users", "create", "ada", "ada@example.com", stdin=f"{PASSWORD}\n")
    seal(monkeypatch)
    first = migrated("audit", "verify")
    assert (first.status, first.err) == (0, "")
    whole, head = first.out.splitlines()
    assert whole == "Whole. Blocks: 1. Events in them: 1. Newer events, not sealed yet: 0."
    digest = head.removeprefix("Head: ").partition(",")[0]
    assert len(digest) == 64
    migrated("users", "lock", "ada")
    assert migrated("audit", "verify", "--head", digest).out.splitlines()[1] == head
    assert migrated("audit", "verify", "--head", digest.upper()).status == 1
    complaint = migrated("audit", "verify", "--head", "0" * 64).complaint
    assert complaint == "No block has that digest: the chain was cut off, or is another one."


def test_a_trail_that_is_not_whole_fails_with_the_place(
    migrated: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated("users", "create", "ada", "ada@example.com", stdin=f"{PASSWORD}\n")
    seal(monkeypatch)

    async def tamper() -> None:
        system = build(load())
        async with system.running():
            await current().execute_script("DELETE FROM security_events")

    uvloop.run(tamper())
    complaint = migrated("audit", "verify").complaint
    assert complaint.startswith("Block 1 (1970-01-01 00:00:00 to 20")
    assert complaint.endswith(" UTC): events missing: 1.")
    other = "another-secret-of-at-least-thirty-two-characters"
    complaint = migrated("audit", "verify", SECRET_KEYS=other).complaint
    assert complaint == "Block 1, the newest, was not sealed with any of SECRET_KEYS."
