"""A hundred wrong passwords in a row disable the password, but only for those who gave them.

All strangers are one source; each browser or session that the account knows is one of its own. So
strangers together have a hundred guesses, and their guesses never shut the owner's browser out.
"""

from typing import Final
from uuid import UUID

from authgql.core.database import current, dialect, transaction
from authgql.core.secrets import fingerprint, new_nonce
from authgql.core.statements import Statement
from authgql.limits.models import PasswordFailures

MAX_FAILURES: Final = 100  # NIST SP 800-63B-4 section 3.2.2: no more than that in a row
STRANGERS: Final = ""
NOBODY: Final = UUID(int=0)
NOBODYS_ROWS: Final = 2  # letters of base64url that tell them apart: 4096, so that few wait for one
# One statement, so that failures at once are counted one by one.
COUNT: Final = """
INSERT INTO "password_failures" ("key", "account_id", "failures")
SELECT $1, (SELECT "id" FROM "accounts" WHERE "id" = $2), 1 WHERE true
ON CONFLICT ("key") DO UPDATE SET "failures" = "password_failures"."failures" + 1
RETURNING "failures"
"""
FAILURES: Final = Statement('SELECT "failures" FROM "password_failures" WHERE "key" = :key')
HELD: Final = Statement('SELECT 1 FROM "password_failures" WHERE "key" = :key FOR UPDATE')


class Lockout:
    """Counts wrong passwords in a row; the counts outlive restarts and are the same for all nodes."""

    async def is_disabled(self, account_id: UUID, source: str) -> bool:
        """Tell whether the password is to be taken for wrong, whatever it is."""
        rows = await FAILURES.rows(key=failures_key(account_id, source))
        return bool(rows) and rows[0][0] >= MAX_FAILURES

    async def failed(self, account_id: UUID, source: str) -> bool:
        """Count a wrong password in the caller's transaction; true of the very one that disables it."""
        key = failures_key(account_id, source)
        if dialect() == "sqlite":
            rows = await current().execute_query_dict(COUNT.replace("$", "?"), [key, str(account_id)])
        else:
            rows = await current().execute_query_dict(COUNT, [key, account_id])
        return [row["failures"] for row in rows] == [MAX_FAILURES]

    async def passed(self, account_id: UUID, source: str) -> bool:
        """Forget the source's failures, for the password was right; false if it is disabled by now."""
        async with transaction():
            key = failures_key(account_id, source)
            if not await HELD.rows(key=key):
                return True
            return await PasswordFailures.filter(key=key, failures__lt=MAX_FAILURES).delete() == 1

    async def forget(self, account_id: UUID) -> bool:
        """Enable an account's password everywhere; tell whether it was disabled anywhere."""
        disabled = await PasswordFailures.filter(account_id=account_id, failures__gte=MAX_FAILURES).exists()
        await PasswordFailures.filter(account_id=account_id).delete()
        return disabled


def failures_key(account_id: UUID, source: str) -> str:
    """Return what a source's wrong passwords for an account are counted under."""
    if account_id == NOBODY:
        source = new_nonce()[:NOBODYS_ROWS]
    return fingerprint(f"{account_id}/{source}")
