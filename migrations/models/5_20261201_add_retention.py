"""Find ended sessions and expired links by their age."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = False  # `authgql migrate` runs all that is missing in one transaction of its own

# No living session is in these indexes, so that signing in and refreshing pay nothing for them.
UPGRADE = """
CREATE INDEX "sessions_ended" ON "sessions" ("logged_out_at") WHERE "logged_out_at" IS NOT NULL;
CREATE INDEX "sessions_ended_with_address" ON "sessions" ("logged_out_at")
    WHERE "logged_out_at" IS NOT NULL AND "ip_address" NOT LIKE '%/%';
CREATE INDEX "one_time_links_by_expiry" ON "one_time_links" ("expires_at");
"""

DOWNGRADE = """
DROP INDEX "one_time_links_by_expiry";
DROP INDEX "sessions_ended_with_address";
DROP INDEX "sessions_ended";
"""


async def upgrade(_: BaseDBAsyncClient) -> str:
    return UPGRADE


async def downgrade(_: BaseDBAsyncClient) -> str:
    return DOWNGRADE
