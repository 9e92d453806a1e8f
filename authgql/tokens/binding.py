"""A session that is bound to a key answers to no token without that key's proof (RFC 9449 section 7)."""

from authgql.accounts.models import Account
from authgql.audit.events import Event, Origin
from authgql.audit.log import AuditLog
from authgql.sessions.models import Session
from authgql.tokens.dpop import InvalidProof


class Binding:
    """Compares the key that proved itself with the session's own."""

    def __init__(self, *, audit: AuditLog) -> None:
        self._audit = audit

    async def check(
        self, session: Session, account: Account, proved_key: str | None, *, origin: Origin
    ) -> None:
        """Raise `InvalidProof`, leaving evidence, if a bound session's token came without its key."""
        if session.key_thumbprint is None or session.key_thumbprint == proved_key:
            return
        missing = "is missing: this token is bound to a key." if proved_key is None else "is by another key."
        await self._audit.refuse(
            Event.PROOF_REFUSED,
            InvalidProof(missing),
            subject=account.pseudonym,
            origin=origin,
            session_id=session.id,
        )
