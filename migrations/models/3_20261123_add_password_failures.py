"""Add password failures: how many wrong passwords in a row, by account and where they come from."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False  # `authgql migrate` runs all that is missing in one transaction of its own

TYPES = {"sqlite": {"uuid": "CHAR(36)"}, "postgres": {"uuid": "UUID"}}

UPGRADE = """
CREATE TABLE "password_failures" (
    "key" VARCHAR(64) NOT NULL PRIMARY KEY,
    "account_id" {uuid} REFERENCES "accounts" ("id") ON DELETE CASCADE,
    "failures" INT NOT NULL
);
CREATE INDEX "password_failures_of_account" ON "password_failures" ("account_id");
"""

DOWNGRADE = """
DROP TABLE "password_failures";
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE.format(**TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE.format(**TYPES[db.capabilities.dialect])
