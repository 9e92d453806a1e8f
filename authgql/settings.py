"""Every setting has one name, one type, one default and one sentence."""

import re
from datetime import timedelta
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, FilePath, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from authgql.values import (
    Clients,
    CommaList,
    Days,
    Networks,
    Seconds,
    SecondsOrNone,
    as_base,
    as_origin,
    is_loopback,
    names_server,
)

PREFIX: Final = "AUTHGQL_"
ENV_FILE: Final = ".env"
MIN_SECRET_LENGTH: Final = 32


class Settings(BaseSettings):
    """The settings, frozen; the descriptions are the README's table."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",  # other programs' lines in .env; our own are checked by `environment.load`
        frozen=True,
        validate_default=True,
    )

    development: bool = Field(default=False, description="Development mode; `serve --dev` sets it.")
    public_url: str = Field(
        default="", description="Base of links and issuer of tokens, e.g. https://id.example.com."
    )
    allowed_origins: CommaList = Field(default=(), description="Browser origins that may call this server.")
    database_url: str = Field(
        default="sqlite://var/authgql.db", description="sqlite://PATH or postgres://user@host/db."
    )
    redis_url: str = Field(
        default="", description="redis://host:6379/0, shared by several nodes; empty: one process."
    )
    smtp_url: str = Field(
        default="", description="smtp://user:pass@host:587?starttls=true; empty: development mailbox."
    )
    mail_from: str = Field(default="authgql@localhost", description="Sender of every mail.")
    secret_keys: CommaList = Field(
        default=(), description="Comma list, newest first; seals keys and mails, signs cursors."
    )
    access_token_ttl: Seconds = Field(default=timedelta(seconds=600), description="Life of an access token.")
    refresh_grace: SecondsOrNone = Field(
        default=timedelta(seconds=10),
        description="How long a spent refresh token is answered with its successor.",
    )
    session_idle_timeout: Seconds = Field(
        default=timedelta(days=7), description="A session unused for so long ends."
    )
    session_max_age: Seconds = Field(
        default=timedelta(days=30), description="A session ends so long after its login."
    )
    max_sessions: int = Field(
        default=0, ge=0, description="Active sessions per account, 0 = no limit; the oldest ends."
    )
    max_live_per_account: int = Field(
        default=50, ge=1, description="Live connections (WebSocket, events) of one account to one process."
    )
    max_live_per_client: int = Field(
        default=200, ge=1, description="The same of an IPv4 address, or an IPv6 /64."
    )
    reauthentication_max_age: Seconds = Field(
        default=timedelta(seconds=600), description="How recent a login must be to change the e-mail address."
    )
    password_min_length: int = Field(
        default=8, ge=8, le=64, description="Characters (code points) of a password."
    )
    password_context_words: CommaList = Field(
        default=("authgql",), description="Words of this service that no password may consist of."
    )
    password_hash_profile: Literal["owasp", "rfc9106-low-memory", "rfc9106-high-memory", "testing"] = Field(
        default="owasp", description="argon2id parameters; `testing` is for tests only."
    )
    password_reset_ttl: Seconds = Field(
        default=timedelta(seconds=1800), description="Life of a password reset link."
    )
    email_verification_ttl: Seconds = Field(
        default=timedelta(days=1), description="Life of a verification link."
    )
    reveal_accounts: bool = Field(default=False, description="Tell unknown accounts from wrong passwords.")
    rate_limits: bool = Field(default=True, description="false for load tests only.")
    overall_limits_factor: int = Field(
        default=1, ge=1, le=1000, description="Multiplies the limits that hold for all clients together."
    )
    signing_algorithm: Literal["ES256", "EdDSA"] = Field(
        default="ES256", description="Algorithm of new signing keys."
    )
    signing_key_max_age: Seconds = Field(
        default=timedelta(days=90), description="A signing key of this age is followed by a new one."
    )
    audience: str = Field(default="authgql", min_length=1, description="`aud` of access tokens.")
    drain_seconds: SecondsOrNone = Field(
        default=timedelta(0), description="How long SIGTERM keeps the listener open."
    )
    max_connections: int = Field(default=1000, ge=10, description="Connections that a process keeps open.")
    max_connections_per_client: int = Field(
        default=200, ge=0, description="Of one IPv4 address or IPv6 /64, proxies excepted; 0 = no limit."
    )
    hsts_max_age: SecondsOrNone = Field(
        default=timedelta(days=365), description="`Strict-Transport-Security` with an https URL; 0 = none."
    )
    metrics_address: str = Field(
        default="", description="Where Prometheus finds /metrics, such as 127.0.0.1:9464; empty: nowhere."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto", description="Rendering of the log."
    )
    trusted_proxies: Networks = Field(default=(), description="Networks whose X-Forwarded-For is believed.")
    geoip_database: FilePath | None = Field(
        default=None, description="An MMDB file for the sessions' locations."
    )
    dpop_require_nonce: bool = Field(default=False, description="Demand a nonce of ours in every DPoP proof.")
    introspection_clients: Clients = Field(
        default={}, description="Services that may ask about tokens: comma list of `name:secret`."
    )
    federation_auth_directives: bool = Field(
        default=False, description="Mark what needs a caller with @authenticated, for the gateway."
    )
    ip_retention_days: Days = Field(
        default=90, description="Whole addresses of ended sessions and of events, 0 = for good."
    )
    session_retention_days: Days = Field(default=365, description="Ended sessions, 0 = for good.")
    audit_retention_days: Days = Field(default=0, description="Security events, 0 = for good.")
    introspection: bool | None = Field(
        default=None, description="Answer introspection; empty: in development."
    )
    graphiql: bool | None = Field(
        default=None, description="Show GraphiQL at /graphql; empty: in development."
    )
    trusted_documents: FilePath | None = Field(
        default=None, description="A JSON file of the only documents that may run."
    )

    @field_validator("public_url")
    @classmethod
    def _no_secrets_in_the_clear(cls, value: str) -> str:
        if not value:
            return value
        base = as_base(value)
        if urlsplit(base).scheme == "http" and not is_loopback(urlsplit(base).hostname or ""):
            raise ValueError("must be https; plain http is for loopback hosts only")
        return base

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in value:
            raise ValueError("must list origins; * would let any page call with credentials")
        return tuple(map(as_origin, value))

    @field_validator("database_url")
    @classmethod
    def _a_known_database(cls, value: str) -> str:
        if not value.removeprefix("sqlite://") or not (
            value.startswith("sqlite://") or names_server(value, "postgres", "postgresql")
        ):
            raise ValueError("must be sqlite://PATH or postgres://user@host/database")
        return value

    @field_validator("metrics_address")
    @classmethod
    def _a_host_and_a_port(cls, value: str) -> str:
        if value and not re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\s\[\]]+):[0-9]{1,5}", value):
            raise ValueError("must be host:port")
        return value

    @field_validator("secret_keys")
    @classmethod
    def _long_secrets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(secret) < MIN_SECRET_LENGTH for secret in value):
            raise ValueError(
                f"each key needs at least {MIN_SECRET_LENGTH} characters; `openssl rand -base64 32` makes one"
            )
        return value

    @field_validator("introspection_clients")
    @classmethod
    def _named_with_long_secrets(cls, value: dict[str, str]) -> dict[str, str]:
        if any(not name or len(secret) < MIN_SECRET_LENGTH for name, secret in value.items()):
            raise ValueError(
                f"each must be `name:secret`, the secret of at least {MIN_SECRET_LENGTH} characters"
            )
        return value

    @field_validator("redis_url")
    @classmethod
    def _a_redis_server(cls, value: str) -> str:
        if value and not names_server(value, "redis", "rediss"):
            raise ValueError("must be redis://host:port/number, or rediss:// for TLS")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_server(cls, value: str) -> str:
        if value and not names_server(value, "smtp", "smtps"):
            raise ValueError("must be smtp://host:port or smtps://host:port")
        return value

    @model_validator(mode="after")
    def _documents_of_one_kind(self) -> Self:
        if self.trusted_documents and self.graphiql:
            raise ValueError(
                f"{PREFIX}GRAPHIQL cannot be true with {PREFIX}TRUSTED_DOCUMENTS: "
                "what is typed there is on nobody's list"
            )
        return self

    @property
    def origins(self) -> tuple[str, ...]:
        """The browser origins that may call: those allowed, or the public URL's own."""
        return self.allowed_origins or (as_origin(urlsplit(self.public_url)._replace(path="").geturl()),)

    @property
    def strict_transport(self) -> timedelta:
        """How long browsers are to insist on TLS; 0 where the public URL has none."""
        return self.hsts_max_age if self.public_url.startswith("https:") else timedelta(0)

    @property
    def shows_graphiql(self) -> bool:
        """Whether GET /graphql shows GraphiQL to a browser."""
        by_itself = self.development and not self.trusted_documents
        return by_itself if self.graphiql is None else self.graphiql

    @property
    def answers_introspection(self) -> bool:
        """Whether `__schema` and `__type` are answered."""
        return self.development if self.introspection is None else self.introspection
