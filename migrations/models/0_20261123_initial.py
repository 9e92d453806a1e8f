"""Accounts, sessions, refresh tokens, one-time links, outbox, trail and signing keys."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False  # `authgql migrate` runs all that is missing in one transaction of its own

TYPES = {
    "sqlite": {"uuid": "CHAR(36)", "time": "TIMESTAMP", "bool": "INT"},
    "postgres": {"uuid": "UUID", "time": "TIMESTAMPTZ", "bool": "BOOL"},
}

UPGRADE = """
CREATE TABLE "accounts" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "pseudonym" {uuid} NOT NULL,
    "username" VARCHAR(64) NOT NULL,
    "username_key" VARCHAR(64) NOT NULL UNIQUE,
    "email" VARCHAR(254) NOT NULL,
    "email_key" VARCHAR(320) NOT NULL UNIQUE,
    "email_verified_at" {time},
    "pending_email" VARCHAR(254),
    "first_name" VARCHAR(100),
    "last_name" VARCHAR(100),
    "password_hash" VARCHAR(255) NOT NULL,
    "password_changed_at" {time} NOT NULL,
    "is_admin" {bool} NOT NULL,
    "locked_at" {time},
    "created_at" {time} NOT NULL
);

CREATE TABLE "sessions" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "account_id" {uuid} NOT NULL REFERENCES "accounts" ("id") ON DELETE CASCADE,
    "logged_in_at" {time} NOT NULL,
    "authenticated_at" {time} NOT NULL,
    "last_seen_at" {time} NOT NULL,
    "expires_at" {time} NOT NULL,
    "absolute_expires_at" {time} NOT NULL,
    "logged_out_at" {time},
    "end_reason" VARCHAR(32),
    "ip_address" VARCHAR(45) NOT NULL,
    "city" VARCHAR(100),
    "country" VARCHAR(100),
    "user_agent" VARCHAR(512) NOT NULL,
    "device_name" VARCHAR(100) NOT NULL,
    "device_kind" VARCHAR(16) NOT NULL,
    "browser" VARCHAR(64),
    "os" VARCHAR(64),
    "token_id" {uuid} NOT NULL,
    "token_issued_at" {time} NOT NULL,
    "token_expires_at" {time} NOT NULL,
    "refreshed_count" INT NOT NULL,
    "key_thumbprint" VARCHAR(43)
);
CREATE INDEX "sessions_of_account" ON "sessions" ("account_id", "id");
CREATE INDEX "sessions_open_of_account" ON "sessions" ("account_id", "id") WHERE "logged_out_at" IS NULL;
CREATE INDEX "sessions_open_by_expiry" ON "sessions" ("expires_at") WHERE "logged_out_at" IS NULL;

CREATE TABLE "refresh_tokens" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "session_id" {uuid} NOT NULL REFERENCES "sessions" ("id") ON DELETE CASCADE,
    "generation" INT NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "issued_at" {time} NOT NULL,
    "spent_at" {time},
    "sealed_successor" TEXT,
    CONSTRAINT "refresh_tokens_one_chain" UNIQUE ("session_id", "generation")
);
CREATE INDEX "refresh_tokens_in_grace" ON "refresh_tokens" ("spent_at") WHERE "sealed_successor" IS NOT NULL;

CREATE TABLE "one_time_links" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "account_id" {uuid} NOT NULL REFERENCES "accounts" ("id") ON DELETE CASCADE,
    "purpose" VARCHAR(32) NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "email" VARCHAR(254) NOT NULL,
    "issued_at" {time} NOT NULL,
    "expires_at" {time} NOT NULL,
    "spent_at" {time},
    CONSTRAINT "one_time_links_newest_only" UNIQUE ("account_id", "purpose")
);

CREATE TABLE "outbox_mails" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "account_id" {uuid} REFERENCES "accounts" ("id") ON DELETE CASCADE,
    "template" VARCHAR(64) NOT NULL,
    "sealed_content" TEXT,
    "created_at" {time} NOT NULL,
    "due_at" {time},
    "useless_after" {time},
    "attempts" INT NOT NULL,
    "sent_at" {time},
    "abandoned_at" {time}
);
CREATE INDEX "outbox_mails_of_account" ON "outbox_mails" ("account_id");
CREATE INDEX "outbox_mails_due" ON "outbox_mails" ("due_at") WHERE "due_at" IS NOT NULL;

CREATE TABLE "security_events" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "kind" VARCHAR(64) NOT NULL,
    "at" {time} NOT NULL,
    "subject" {uuid},
    "session_id" {uuid},
    "ip_address" VARCHAR(45),
    "user_agent" VARCHAR(512),
    "detail" VARCHAR(255)
);
CREATE INDEX "security_events_of_subject" ON "security_events" ("subject", "id");

CREATE TABLE "signing_keys" (
    "kid" VARCHAR(43) NOT NULL PRIMARY KEY,
    "algorithm" VARCHAR(8) NOT NULL,
    "public_jwk" TEXT NOT NULL,
    "sealed_private_key" TEXT NOT NULL,
    "created_at" {time} NOT NULL,
    "signs_from" {time} NOT NULL,
    "retired_at" {time}
);
"""

TABLES = (
    "signing_keys",
    "security_events",
    "outbox_mails",
    "one_time_links",
    "refresh_tokens",
    "sessions",
    "accounts",
)


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE.format(**TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:
    return "\n".join(f'DROP TABLE "{table}";' for table in TABLES)
