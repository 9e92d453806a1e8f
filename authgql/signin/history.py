"""What a login is judged by besides its password: one statement, while the account is held."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from authgql.accounts.models import Account
from authgql.audit.events import Event
from authgql.core.clock import Clock
from authgql.core.secrets import first_id_at
from authgql.core.statements import Statement
from authgql.limits.lockout import failures_key
from authgql.links.service import Purpose

FAILURES_COUNTED: Final = 100
FAILURES_WITHIN: Final = timedelta(days=1)
MAILS_WITHIN: Final = timedelta(hours=1)
# Whoever writes any of this holds the account as well, so that all of it is of one moment.
PAST: Final = Statement("""
WITH recent AS (
  SELECT "id", "kind" FROM "security_events"
  WHERE "subject" = :subject AND "id" >= :oldest AND "kind" IN (:refused, :started)
  ORDER BY "id" DESC LIMIT :most
)
SELECT
  (SELECT count(*) FROM recent WHERE "id" > COALESCE(
    (SELECT "id" FROM recent WHERE "kind" = :started ORDER BY "id" DESC LIMIT 1), :oldest)),
  EXISTS (SELECT 1 FROM "password_failures" WHERE "key" = :key),
  EXISTS (SELECT 1 FROM "sessions" WHERE "account_id" = :account_id),
  (SELECT count(*) FROM "one_time_links"
   WHERE "account_id" = :account_id AND "purpose" = :purpose AND "issued_at" >= :since)
""")


@dataclass(frozen=True, kw_only=True)
class History:
    """`refusals` are the logins that failed, in a day at most, since somebody last signed in; up to 100.

    `wrong_before` tells whether the last password from this source was wrong, `signed_in_before` whether
    anybody ever had a session, or may have had one that is deleted by now; `mails` are those about logins
    that the owner got within the hour.
    """

    refusals: int
    wrong_before: bool
    signed_in_before: bool
    mails: int


async def history(account: Account, *, source: str, clock: Clock, sessions_kept: timedelta) -> History:
    """Read it, in the transaction that holds the account and will start a session."""
    now = clock.now()
    ((refusals, wrong_before, signed_in_before, mails),) = await PAST.rows(
        subject=account.pseudonym,
        oldest=first_id_at(now - FAILURES_WITHIN),
        refused=Event.LOGIN_REFUSED.kind,
        started=Event.SESSION_STARTED.kind,
        most=FAILURES_COUNTED,
        key=failures_key(account.id, source),
        account_id=account.id,
        purpose=Purpose.DISAVOW_SESSION.purpose,
        since=now - MAILS_WITHIN,
    )
    forgotten = sessions_kept and account.created_at <= now - sessions_kept
    return History(
        refusals=refusals,
        wrong_before=bool(wrong_before),
        signed_in_before=bool(signed_in_before or forgotten),
        mails=mails,
    )
