"""Another node's view of the signing keys in the same database."""

from datetime import timedelta

from authgql.audit.log import AuditLog
from authgql.core.bus import Bus
from authgql.core.clock import Clock
from authgql.core.cursors import Cursors
from authgql.core.sealing import Sealer
from authgql.keys.service import SigningKeys
from support.app import SECRET


def keys_with(clock: Clock, *secrets: str, algorithm: str = "ES256") -> SigningKeys:
    sealer = Sealer(secrets or (SECRET,))
    return SigningKeys(
        clock=clock,
        sealer=sealer,
        audit=AuditLog(clock=clock, bus=Bus(), cursors=Cursors(sealer=sealer, purpose="security-log")),
        algorithm=algorithm,
        max_age=timedelta(days=90),
        token_life=timedelta(seconds=600),
    )
