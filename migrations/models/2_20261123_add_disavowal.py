"""A login may be disavowed: sessions know their device, and a link may be about one session."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False  # `authgql migrate` runs all that is missing in one transaction of its own

TYPES = {
    "sqlite": {"uuid": "CHAR(36)", "time": "TIMESTAMP", "bool": "INT"},
    "postgres": {"uuid": "UUID", "time": "TIMESTAMPTZ", "bool": "BOOL"},
}

UPGRADE = """
ALTER TABLE "sessions" ADD COLUMN "device_id" VARCHAR(22);
ALTER TABLE "sessions" ADD COLUMN "disavowed_at" {time};

-- SQLite changes no constraint in place, so that the links move to a table that has the new one.
CREATE TABLE "links_by_target" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "account_id" {uuid} NOT NULL REFERENCES "accounts" ("id") ON DELETE CASCADE,
    "target_id" {uuid} NOT NULL,
    "purpose" VARCHAR(32) NOT NULL,
    "token_hash" VARCHAR(64) NOT NULL UNIQUE,
    "email" VARCHAR(254) NOT NULL,
    "issued_at" {time} NOT NULL,
    "expires_at" {time} NOT NULL,
    "spent_at" {time},
    CONSTRAINT "one_time_links_newest_of_target" UNIQUE ("target_id", "purpose")
);
INSERT INTO "links_by_target" ("id", "account_id", "target_id", "purpose", "token_hash", "email", "issued_at", "expires_at", "spent_at")
SELECT "id", "account_id", "account_id", "purpose", "token_hash", "email", "issued_at", "expires_at", "spent_at" FROM "one_time_links";
DROP TABLE "one_time_links";
ALTER TABLE "links_by_target" RENAME TO "one_time_links";
CREATE INDEX "one_time_links_of_account" ON "one_time_links" ("account_id");
"""

DOWNGRADE = """
CREATE TABLE "links_by_account" (
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
INSERT INTO "links_by_account" ("id", "account_id", "purpose", "token_hash", "email", "issued_at", "expires_at", "spent_at")
SELECT "id", "account_id", "purpose", "token_hash", "email", "issued_at", "expires_at", "spent_at"
FROM "one_time_links" WHERE "target_id" = "account_id";
DROP TABLE "one_time_links";
ALTER TABLE "links_by_account" RENAME TO "one_time_links";
ALTER TABLE "sessions" DROP COLUMN "disavowed_at";
ALTER TABLE "sessions" DROP COLUMN "device_id";
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE.format(**TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE.format(**TYPES[db.capabilities.dialect])
