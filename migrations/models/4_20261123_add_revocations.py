"""Which sessions were ended while tokens of theirs were still good elsewhere."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False  # `authgql migrate` runs all that is missing in one transaction of its own

TYPES = {
    "sqlite": {"uuid": "CHAR(36)", "time": "TIMESTAMP", "bool": "INT"},
    "postgres": {"uuid": "UUID", "time": "TIMESTAMPTZ", "bool": "BOOL"},
}

UPGRADE = """
CREATE TABLE "revocations" (
    "id" {uuid} NOT NULL PRIMARY KEY,
    "position" BIGINT NOT NULL,
    "session_id" {uuid} NOT NULL,
    "token_id" {uuid} NOT NULL,
    "matters_until" {time} NOT NULL
);
CREATE INDEX "revocations_in_order" ON "revocations" ("position", "id");
CREATE INDEX "revocations_by_end" ON "revocations" ("matters_until");
"""

DOWNGRADE = """
DROP TABLE "revocations";
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    return UPGRADE.format(**TYPES[db.capabilities.dialect])


async def downgrade(db: BaseDBAsyncClient) -> str:
    return DOWNGRADE.format(**TYPES[db.capabilities.dialect])
