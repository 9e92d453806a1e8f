"""Every test runs the real application: its own database, a real mail server, a clock that moves."""

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog

sys.path.insert(0, str(Path(__file__).parent))  # so that tests say `from support.…`
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="authgql-runtime-"))

from support.app import Application, ManualClock, application, migrated
from support.databases import PostgresServer
from support.mail import MailServer
from support.process import LiveServer, ServerProcesses
from support.redis import RedisServer

from authgql.core.telemetry import NOISY, configure_logging

DIALECTS = ("sqlite", "postgres")

MakeApp = Callable[..., Awaitable[Application]]
StartServer = Callable[..., LiveServer]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("AUTHGQL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server: the one at TEST_POSTGRES_URL, or one that comes with the test dependencies."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def mail_server() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("template") / "authgql.db"
    migrated(f"sqlite://{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer) -> str:
    url = postgres.create("template")
    migrated(url)
    return url


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated, empty database: each test that uses it runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        file = tmp_path / "authgql.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), file)
        return f"sqlite://{file}"
    url: str = request.getfixturevalue("postgres_template")
    server: PostgresServer = request.getfixturevalue("postgres")
    server.empty(url)
    return url


@pytest.fixture(scope="session")
def redis_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis_url(redis_process: RedisServer) -> str:
    """A real Redis server, empty; tests that stop and start one have a `RedisServer` of their own."""
    redis_process.empty()
    return redis_process.url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def make_app(database_url: str, clock: ManualClock, mail_server: MailServer) -> AsyncIterator[MakeApp]:
    """Start the application with other settings; one at a time in a process."""
    mail_server.forget()
    async with AsyncExitStack() as stack:

        async def make(**settings: object) -> Application:
            given = {"database_url": database_url, "smtp_url": mail_server.url, **settings}
            return await stack.enter_async_context(application(clock=clock, mail_server=mail_server, **given))

        yield make


@pytest.fixture
async def app(make_app: MakeApp) -> Application:
    """The application, with rate limits off and quick password hashes."""
    return await make_app()


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Start real `authgql serve` processes; they are stopped afterwards."""
    with ServerProcesses(tmp_path) as processes:
        yield processes.start


@pytest.fixture
def live_server(start_server: StartServer) -> LiveServer:
    """A real `authgql serve --dev` process on a free port, with GraphiQL and mailbox."""
    return start_server("--dev")


@pytest.fixture
def every_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every logger at its most talkative, but the test's own mail server's."""
    caplog.set_level(logging.WARNING, "mail.log")
    for name in (None, *NOISY):
        caplog.set_level(logging.DEBUG, name)
    return caplog


@pytest.fixture(params=["console", "json"])
def as_served(
    request: pytest.FixtureRequest, capfd: pytest.CaptureFixture[str]
) -> Iterator[pytest.CaptureFixture[str]]:
    """What the log writes as `authgql serve` sets it up, in either rendering."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in NOISY}
    configure_logging(request.param)
    yield capfd
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
