"""The trail is sealed, block by block."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False  # `authgql migrate` runs all that is missing in one transaction of its own

TYPES = {
    "sqlite": {"uuid": "CHAR(36)", "time": "TIMESTAMP"},
    "postgres": {"uuid": "UUID", "time": "TIMESTAMPTZ"},
}

UPGRADE = """
CREATE TABLE "audit_blocks" (
    "number" INT NOT NULL PRIMARY KEY,
    "begins" {uuid} NOT NULL,
    "ends" {uuid} NOT NULL,
    "events" INT NOT NULL,
    "content" VARCHAR(64) NOT NULL,
    "digest" VARCHAR(64) NOT NULL,
    "pruned" INT NOT NULL,
    "mac" VARCHAR(32),
    "sealed_at" {time} NOT NULL
);
"""

DOWNGRADE = """
DROP TABLE "audit_blocks";
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE.format(**TYPES[db.capabilities.dialect])


async def downgrade(_: BaseDBAsyncClient) -> str:
    return DOWNGRADE
