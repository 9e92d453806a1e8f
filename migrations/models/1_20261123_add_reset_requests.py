"""Reset requests wait in a table of their own until a loop looks into them."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False  # `authgql migrate` runs all that is missing in one transaction of its own

TYPES = {
    "sqlite": {"uuid": "CHAR(36)", "time": "TIMESTAMP", "bool": "INT"},
    "postgres": {"uuid": "UUID", "time": "TIMESTAMPTZ", "bool": "BOOL"},
}

UPGRADE = """
CREATE TABLE "reset_requests" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "sealed_content" TEXT NOT NULL,
    "requested_at" {time} NOT NULL
);
"""

DOWNGRADE = """
DROP TABLE "reset_requests";
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE.format(**TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE.format(**TYPES[db.capabilities.dialect])
