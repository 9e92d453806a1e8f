"""Settings: the names and defaults that operators may rely on, and one line for whatever is wrong."""

import re
import stat
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from authgql.environment import SettingsError, for_serving, load
from authgql.settings import PREFIX, Settings

SECRET = "a-secret-of-at-least-thirty-two-characters"
README = Path(__file__).parents[2] / "README.md"
ROW = re.compile(r"^\|\s*`([A-Z][A-Z_]+)`\s*\|\s*(.*?)\s*\|", re.MULTILINE)

# What contract.md, section 5, promises, as far as this version has it.
DEFAULTS: dict[str, Any] = {
    "development": False,
    "public_url": "",
    "allowed_origins": (),
    "database_url": "sqlite://var/authgql.db",
    "redis_url": "",
    "smtp_url": "",
    "mail_from": "authgql@localhost",
    "secret_keys": (),
    "access_token_ttl": timedelta(seconds=600),
    "refresh_grace": timedelta(seconds=10),
    "session_idle_timeout": timedelta(seconds=604800),
    "session_max_age": timedelta(seconds=2592000),
    "max_sessions": 0,
    "max_live_per_account": 50,
    "max_live_per_client": 200,
    "reauthentication_max_age": timedelta(seconds=600),
    "password_min_length": 8,
    "password_context_words": ("authgql",),
    "password_hash_profile": "owasp",
    "password_reset_ttl": timedelta(seconds=1800),
    "email_verification_ttl": timedelta(seconds=86400),
    "reveal_accounts": False,
    "rate_limits": True,
    "overall_limits_factor": 1,
    "signing_algorithm": "ES256",
    "signing_key_max_age": timedelta(days=90),
    "audience": "authgql",
    "dpop_require_nonce": False,
    "introspection_clients": {},
    "drain_seconds": timedelta(0),
    "max_connections": 1000,
    "metrics_address": "",
    "max_connections_per_client": 200,
    "hsts_max_age": timedelta(days=365),
    "log_format": "auto",
    "trusted_proxies": (),
    "geoip_database": None,
    "federation_auth_directives": False,
    "ip_retention_days": 90,
    "session_retention_days": 365,
    "audit_retention_days": 0,
    "introspection": None,
    "graphiql": None,
    "trusted_documents": None,
}
DURATIONS = [name for name, default in DEFAULTS.items() if isinstance(default, timedelta)]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read the settings with these variables in the environment."""

    def read(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(PREFIX + name, value)
        return load()

    return read


def wrong(given: Any, **variables: str) -> str:
    """Return the one line that refuses these variables."""
    with pytest.raises(SettingsError) as refusal:
        given(**variables)
    message = str(refusal.value)
    assert "\n" not in message
    assert message.startswith(f"{PREFIX}{next(iter(variables))}")
    return message


def test_every_setting_has_its_promised_default() -> None:
    assert load().model_dump() == DEFAULTS


def test_every_setting_says_in_a_sentence_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


def test_the_readmes_table_is_the_settings() -> None:
    documented = dict(ROW.findall(README.read_text()))
    assert set(documented) == {name.upper() for name in DEFAULTS}
    for name, default in DEFAULTS.items():
        assert documented[name.upper()].strip("`*") in spellings(name, default), name


def spellings(name: str, default: Any) -> set[str]:
    """Return how a document may write a default."""
    if name in {"public_url", "secret_keys"}:
        return {"required"}
    if default in ((), "", None, {}):
        return {"", "empty"}
    if isinstance(default, timedelta):
        return {str(int(default.total_seconds()))}
    if isinstance(default, bool):
        return {str(default).lower()}
    return {",".join(default) if isinstance(default, tuple) else str(default)}


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().public_url = "https://evil.example"


# ---------------------------------------------------------------- where they are read


def test_an_unknown_name_is_refused_with_the_nearest_known_one(given: Any) -> None:
    message = wrong(given, PUBLIC_ULR="https://id.example.com")
    assert message == "AUTHGQL_PUBLIC_ULR is not a setting; did you mean AUTHGQL_PUBLIC_URL?"


def test_an_unknown_name_that_is_near_to_none_is_refused_too(given: Any) -> None:
    assert wrong(given, QQQQ="1") == "AUTHGQL_QQQQ is not a setting"


def test_a_file_of_settings_is_read_and_the_environment_goes_before_it(given: Any) -> None:
    lines = (
        "# a comment",
        "AUTHGQL_AUDIENCE=from-the-file",
        "AUTHGQL_MAX_SESSIONS=5",
        'AUTHGQL_MAIL_FROM="Login <login@example.com>"',
        "OTHER=thing",
    )
    Path(".env").write_text("\n".join(lines))
    settings = given(MAX_SESSIONS="7")
    assert settings.audience == "from-the-file"
    assert settings.max_sessions == 7
    assert settings.mail_from == "Login <login@example.com>"


def test_an_unknown_name_in_the_file_is_refused() -> None:
    Path(".env").write_text("AUTHGQL_SESSION_IDLE_TIMOUT=1")
    with pytest.raises(SettingsError, match="did you mean AUTHGQL_SESSION_IDLE_TIMEOUT"):
        load()


def test_names_of_others_are_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://evil.example")
    monkeypatch.setenv("SECRET_KEYS", "x")
    assert load().model_dump() == DEFAULTS


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_empty_value_is_no_value(given: Any, name: str) -> None:
    assert given(**{name.upper(): ""}).model_dump() == DEFAULTS


def test_what_the_command_line_says_goes_before_the_environment(given: Any) -> None:
    given(DEVELOPMENT="false")
    assert load(development=True).development


# ---------------------------------------------------------------- what they take


@pytest.mark.parametrize("name", DURATIONS)
def test_a_duration_is_whole_seconds(given: Any, name: str) -> None:
    assert getattr(given(**{name.upper(): "90"}), name) == timedelta(seconds=90)


@pytest.mark.parametrize("value", ["1.5", "10m", "PT10M", "1e3", "-1", "0x10", "1_000", "٣", "1 0", "9" * 40])
@pytest.mark.parametrize("name", DURATIONS)
def test_a_duration_is_nothing_else(given: Any, name: str, value: str) -> None:
    assert wrong(given, **{name.upper(): value}).endswith(": must be whole seconds")


@pytest.mark.parametrize("name", DURATIONS)
def test_no_duration_is_longer_than_the_calendar(given: Any, name: str) -> None:
    assert getattr(given(**{name.upper(): str(3650 * 86400)}), name) == timedelta(days=3650)
    wrong(given, **{name.upper(): "999999999999"})


@pytest.mark.parametrize("name", DURATIONS)
def test_only_a_grace_may_be_nothing(given: Any, name: str) -> None:
    if name in {"refresh_grace", "drain_seconds", "hsts_max_age"}:
        assert getattr(given(**{name.upper(): "0"}), name) == timedelta(0)
    else:
        wrong(given, **{name.upper(): "0"})


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on"])
def test_a_switch_can_be_on(given: Any, value: str) -> None:
    assert given(REVEAL_ACCOUNTS=value).reveal_accounts is True


@pytest.mark.parametrize("value", ["false", "0", "no", "off"])
def test_a_switch_can_be_off(given: Any, value: str) -> None:
    assert given(RATE_LIMITS=value).rate_limits is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REVEAL_ACCOUNTS", "perhaps"),
        ("MAX_SESSIONS", "-1"),
        ("MAX_SESSIONS", "1.5"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("PASSWORD_MIN_LENGTH", "65"),
        ("PASSWORD_HASH_PROFILE", "md5"),
        ("LOG_FORMAT", "xml"),
        ("MAX_CONNECTIONS", "9"),
        ("METRICS_ADDRESS", "9464"),
        ("METRICS_ADDRESS", "host:port"),
        ("METRICS_ADDRESS", "::1:9464"),
        ("MAX_CONNECTIONS_PER_CLIENT", "-1"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, nonsense"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("GEOIP_DATABASE", "/nowhere/city.mmdb"),
        ("DATABASE_URL", "mysql://localhost/authgql"),
        ("DATABASE_URL", "authgql.db"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "postgres://"),
        ("DATABASE_URL", "postgres://localhost:port/authgql"),
        ("SIGNING_ALGORITHM", "RS256"),
        ("INTROSPECTION_CLIENTS", "gateway"),
        ("INTROSPECTION_CLIENTS", f":{SECRET}"),
        ("INTROSPECTION_CLIENTS", "gateway:short"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "http://localhost"),
        ("SMTP_URL", "localhost:25"),
        ("SMTP_URL", "smtp://"),
        ("SMTP_URL", "smtp://localhost:port"),
        ("SMTP_URL", "http://localhost"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_the_settings_name(
    given: Any, name: str, value: str
) -> None:
    wrong(given, **{name: value})


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://var/authgql.db",
        "sqlite:///var/lib/authgql.db",
        "postgres://authgql@db.example.com/authgql",
        "postgresql://authgql:p%40ss@[::1]:5433/authgql",
        "postgres:///authgql?host=/run/postgresql",
    ],
)
def test_a_database_is_a_file_or_a_server(given: Any, url: str) -> None:
    assert given(DATABASE_URL=url).database_url == url


def test_a_list_is_separated_by_commas(given: Any) -> None:
    settings = given(
        TRUSTED_PROXIES="10.0.0.0/8, 2001:db8::/32,192.0.2.1", PASSWORD_CONTEXT_WORDS=" acme , ,portal,"
    )
    assert settings.trusted_proxies == tuple(map(ip_network, ("10.0.0.0/8", "2001:db8::/32", "192.0.2.1/32")))
    assert settings.password_context_words == ("acme", "portal")


def test_secrets_are_a_list_newest_first_and_none_is_short(given: Any) -> None:
    assert given(SECRET_KEYS=f"{SECRET}-2,{SECRET}").secret_keys == (f"{SECRET}-2", SECRET)
    assert given(SECRET_KEYS="x" * 32).secret_keys == ("x" * 32,)
    assert "at least 32 characters" in wrong(given, SECRET_KEYS=f"{SECRET},{'x' * 31}")


def test_a_refused_secret_is_not_told(given: Any) -> None:
    assert "hunter2" not in wrong(given, SECRET_KEYS="hunter2")


# ---------------------------------------------------------------- the public URL and origins


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://id.example.com", "https://id.example.com"),
        ("https://id.example.com/", "https://id.example.com"),
        ("HTTPS://ID.Example.COM", "https://id.example.com"),
        ("https://id.example.com:443", "https://id.example.com"),
        ("https://id.example.com:8443", "https://id.example.com:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://app.localhost", "http://app.localhost"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_the_public_url_is_spelled_as_browsers_spell_an_origin(given: Any, url: str, kept: str) -> None:
    settings = given(PUBLIC_URL=url)
    assert settings.public_url == kept
    assert settings.origins == (kept,)


def test_the_public_url_may_have_a_path_and_its_origin_has_none(given: Any) -> None:
    settings = given(PUBLIC_URL="https://Example.com/services/auth/")
    assert settings.public_url == "https://example.com/services/auth"
    assert settings.origins == ("https://example.com",)


@pytest.mark.parametrize(
    "url",
    [
        "id.example.com",
        "//id.example.com",
        "ftp://id.example.com",
        "https://",
        "https://id.example.com/auth?x=1",
        "https://id.example.com/auth#x",
        "https://id.example.com/../auth",
        "https://id.example.com/a//b",
        "https://id.example.com/a%20b",
        "https://id.example.com/<b>",
        "https://id.example.com?x=1",
        "https://id.example.com#x",
        "https://user@id.example.com",
        "https://user:password@id.example.com",
        "https://id.example.com:port",
        "https://id.example.com:99999",
        "https://[::1",
        "javascript:alert(1)",
    ],
)
def test_a_public_url_that_is_no_address_is_refused(given: Any, url: str) -> None:
    wrong(given, PUBLIC_URL=url)


@pytest.mark.parametrize(
    "host", ["id.example.com", "10.0.0.1", "localhost.example.com", "[2001:db8::1]", "192.0.2.1"]
)
def test_tokens_do_not_travel_in_the_clear(given: Any, host: str) -> None:
    assert wrong(given, PUBLIC_URL=f"http://{host}").endswith(
        "must be https; plain http is for loopback hosts only"
    )


def test_origins_are_spelled_as_browsers_spell_them(given: Any) -> None:
    settings = given(
        PUBLIC_URL="https://id.example.com", ALLOWED_ORIGINS="https://App.example.com/, http://localhost:5173"
    )
    assert settings.origins == ("https://app.example.com", "http://localhost:5173")


@pytest.mark.parametrize(
    "origins", ["*", "https://app.example.com,*", "app.example.com", "https://*.example.com/x"]
)
def test_what_is_no_list_of_origins_is_refused(given: Any, origins: str) -> None:
    wrong(given, ALLOWED_ORIGINS=origins)


# ---------------------------------------------------------------- development, and everything else


@pytest.mark.parametrize("missing", ["PUBLIC_URL", "SECRET_KEYS"])
def test_outside_development_nothing_is_made_up(given: Any, missing: str) -> None:
    both = {"PUBLIC_URL": "https://id.example.com", "SECRET_KEYS": SECRET}
    settings = given(**{name: value for name, value in both.items() if name != missing})
    with pytest.raises(SettingsError, match=f"^AUTHGQL_{missing} is not set. [A-Z].*[.]$"):
        for_serving(settings, port=8000)


def test_what_was_set_is_what_is_served(given: Any) -> None:
    settings = given(PUBLIC_URL="https://id.example.com", SECRET_KEYS=SECRET)
    assert for_serving(settings, port=8000) == settings
    assert not settings.shows_graphiql
    assert not settings.answers_introspection


def test_development_needs_no_settings() -> None:
    settings = for_serving(load(development=True), port=8123)
    assert settings.public_url == "http://localhost:8123"
    assert settings.origins == ("http://localhost:8123",)
    assert len(settings.secret_keys[0]) >= 32
    assert settings.shows_graphiql
    assert settings.answers_introspection


def test_developments_secret_is_kept_and_is_nobody_elses() -> None:
    first = for_serving(load(development=True), port=8000).secret_keys
    file = Path("var/secret_key")
    assert for_serving(load(development=True), port=8000).secret_keys == first
    assert first == (file.read_text(),)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.unlink()
    assert for_serving(load(development=True), port=8000).secret_keys != first


def test_development_keeps_what_was_set(given: Any) -> None:
    settings = given(
        DEVELOPMENT="true",
        PUBLIC_URL="http://localhost:9000",
        SECRET_KEYS=SECRET,
        GRAPHIQL="false",
        INTROSPECTION="false",
    )
    settings = for_serving(settings, port=8000)
    assert (settings.public_url, settings.secret_keys) == ("http://localhost:9000", (SECRET,))
    assert not settings.shows_graphiql
    assert not settings.answers_introspection
    assert not Path("var").exists()


def test_graphiql_and_introspection_can_be_had_outside_development(given: Any) -> None:
    settings = given(GRAPHIQL="true", INTROSPECTION="true")
    assert settings.shows_graphiql
    assert settings.answers_introspection


def test_services_that_may_ask_about_tokens_are_named_with_their_secrets(given: Any) -> None:
    named = given(INTROSPECTION_CLIENTS=f"gateway:{SECRET}, reports:{SECRET}:with-a-colon")
    assert named.introspection_clients == {"gateway": SECRET, "reports": f"{SECRET}:with-a-colon"}
