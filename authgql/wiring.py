"""The one place where services are built and handed to each other."""

from datetime import timedelta
from urllib.parse import urlsplit

from authgql.accounts.profile import Profile
from authgql.accounts.service import Accounts
from authgql.accounts.verification import Verification
from authgql.audit.chain import ROUND_SECONDS, Chain
from authgql.audit.feed import Feed
from authgql.audit.log import AuditLog
from authgql.core.clock import Clock
from authgql.core.cursors import Cursors
from authgql.core.database import Database
from authgql.core.loops import Loop, Loops
from authgql.core.sealing import Sealer
from authgql.gate.context import Services
from authgql.janitor import Janitor
from authgql.keys.service import SigningKeys
from authgql.limits.devices import Devices
from authgql.limits.lockout import Lockout
from authgql.limits.service import Limits
from authgql.links.service import Links, Purpose
from authgql.mail.delivery import Delivery, SmtpTransport
from authgql.mail.mailbox import DevelopmentMailbox
from authgql.mail.outbox import Outbox
from authgql.mail.templates import Templates
from authgql.passwords.hashing import Hashing
from authgql.passwords.policy import PasswordPolicy
from authgql.passwords.service import Passwords
from authgql.recovery.requests import ResetRequests
from authgql.recovery.service import Recovery
from authgql.sessions.activity import Activity, Timeouts
from authgql.sessions.changes import CHANGES
from authgql.sessions.listing import Listing
from authgql.sessions.live import LiveSessions
from authgql.sessions.location import Locator
from authgql.sessions.revocations import Revocations
from authgql.sessions.service import Sessions
from authgql.sessions.termination import Terminations
from authgql.settings import Settings
from authgql.signin.notices import SignInNotices
from authgql.signin.registration import Registration
from authgql.signin.service import SignIn
from authgql.system import MAILBOX, MODELS, System, sharing
from authgql.tokens.access import AccessTokens
from authgql.tokens.binding import Binding
from authgql.tokens.dpop import Proofs
from authgql.tokens.nonces import Nonces
from authgql.tokens.refresh import RefreshTokens
from authgql.tokens.revocations import RevocationFeed
from authgql.tokens.service import Tokens


def build(settings: Settings, *, clock: Clock | None = None) -> System:
    """Build every service."""
    clock = clock or Clock()
    sealer = Sealer(settings.secret_keys)
    shared = sharing(settings.redis_url, clock)
    bus = shared.bus
    audit = AuditLog(clock=clock, bus=bus, cursors=Cursors(sealer=sealer, purpose="security-log"))
    limits = Limits(
        clock=clock,
        audit=audit,
        enabled=settings.rate_limits,
        shared=shared.windows,
        factor=settings.overall_limits_factor,
    )
    devices, lockout = Devices(clock=clock, sealer=sealer), Lockout()
    outbox = Outbox(clock=clock, sealer=sealer)
    keys = SigningKeys(
        clock=clock,
        sealer=sealer,
        audit=audit,
        algorithm=settings.signing_algorithm,
        max_age=settings.signing_key_max_age,
        token_life=settings.access_token_ttl,
    )
    links = Links(
        clock=clock,
        public_url=settings.public_url,
        lifetimes={
            Purpose.VERIFY_EMAIL: settings.email_verification_ttl,
            Purpose.RESET_PASSWORD: settings.password_reset_ttl,
            Purpose.DISAVOW_SESSION: settings.session_max_age,
        },
    )
    verification = Verification(clock=clock, audit=audit, links=links, outbox=outbox, limits=limits)
    accounts = Accounts(clock=clock, audit=audit, outbox=outbox, verification=verification)
    sessions_kept = timedelta(days=settings.session_retention_days)
    timeouts = Timeouts(idle=settings.session_idle_timeout, absolute=settings.session_max_age)
    activity, locator = Activity(clock=clock, timeouts=timeouts), Locator(settings.geoip_database)
    revocations = Revocations(clock=clock)
    sessions = Sessions(
        clock=clock,
        audit=audit,
        activity=activity,
        locator=locator,
        revocations=revocations,
        timeouts=timeouts,
        token_life=settings.access_token_ttl,
        limit=settings.max_sessions,
    )
    live = LiveSessions(clock=clock, feed=Feed(bus=bus, kinds=CHANGES))
    hashing = Hashing(profile=settings.password_hash_profile, on_full=limits.overloaded)
    passwords = Passwords(
        clock=clock,
        audit=audit,
        limits=limits,
        accounts=accounts,
        sessions=sessions,
        links=links,
        outbox=outbox,
        hashing=hashing,
        lockout=lockout,
        policy=PasswordPolicy(
            min_length=settings.password_min_length, context_words=settings.password_context_words
        ),
    )
    access = AccessTokens(clock=clock, keys=keys, issuer=settings.public_url, audience=settings.audience)
    binding = Binding(audit=audit)
    refresh_tokens = RefreshTokens(
        clock=clock,
        audit=audit,
        limits=limits,
        sessions=sessions,
        outbox=outbox,
        binding=binding,
        grace=settings.refresh_grace,
    )
    reset_requests = ResetRequests(
        clock=clock, audit=audit, sealer=sealer, accounts=accounts, links=links, outbox=outbox
    )
    services = Services(
        accounts=accounts,
        audit=audit,
        listing=Listing(clock=clock, cursors=Cursors(sealer=sealer, purpose="sessions")),
        live=live,
        devices=devices,
        passwords=passwords,
        profile=Profile(
            clock=clock,
            audit=audit,
            limits=limits,
            outbox=outbox,
            verification=verification,
            reauthentication_max_age=settings.reauthentication_max_age,
        ),
        recovery=Recovery(
            clock=clock,
            audit=audit,
            limits=limits,
            links=links,
            requests=reset_requests,
            accounts=accounts,
            sessions=sessions,
            passwords=passwords,
            reveal_accounts=settings.reveal_accounts,
        ),
        registration=Registration(limits=limits, accounts=accounts, sessions=sessions, passwords=passwords),
        sessions=sessions,
        sign_in=SignIn(
            clock=clock,
            audit=audit,
            limits=limits,
            devices=devices,
            notices=SignInNotices(audit=audit, links=links, outbox=outbox),
            lockout=lockout,
            accounts=accounts,
            sessions=sessions,
            passwords=passwords,
            hashing=hashing,
            refresh_tokens=refresh_tokens,
            tokens=Tokens(clock=clock, access=access),
            reveal_accounts=settings.reveal_accounts,
            sessions_kept=sessions_kept,
        ),
        terminations=Terminations(
            clock=clock, audit=audit, limits=limits, outbox=outbox, accounts=accounts, sessions=sessions
        ),
        verification=verification,
    )
    mailbox = None if settings.smtp_url else DevelopmentMailbox(directory=MAILBOX)
    delivery = Delivery(
        clock=clock,
        sealer=sealer,
        templates=Templates(site=urlsplit(settings.public_url).netloc),
        transport=mailbox or SmtpTransport(settings.smtp_url),
        sender=settings.mail_from,
    )
    chain = Chain(clock=clock, sealer=sealer)
    janitor = Janitor(
        clock=clock,
        chain=chain,
        links=links,
        outbox=outbox,
        addresses=timedelta(days=settings.ip_retention_days),
        ended_sessions=sessions_kept,
        events=timedelta(days=settings.audit_retention_days),
    )
    mail_loop = Loop(name="mail", interval=5, work=delivery.run_once)
    outbox.on_mail = mail_loop.wake
    return System(
        settings=settings,
        database=Database(url=settings.database_url, models=MODELS),
        bus=bus,
        keys=keys,
        access=access,
        proofs=Proofs(
            clock=clock,
            public_url=settings.public_url,
            replays=shared.replays,
            nonces=Nonces(clock=clock, sealer=sealer),
            require_nonce=settings.dpop_require_nonce,
        ),
        binding=binding,
        revocations=RevocationFeed(
            clock=clock, keys=keys, issuer=settings.public_url, revocations=revocations
        ),
        services=services,
        loops=Loops(
            [
                mail_loop,
                *live.loops(bus),
                Loop(name="keys", interval=5, work=keys.tend),
                Loop(name="reset-requests", interval=1, work=reset_requests.answer),
                Loop(name="activity", interval=1, work=activity.flush),
                Loop(name="hashing", interval=2, work=hashing.rest),
                Loop(name="erasure", interval=60, work=audit.forget_late),
                Loop(name="timeouts", interval=30, work=sessions.expire_due),
                Loop(name="revocations", interval=60, work=revocations.forget),
                Loop(name="refresh-grace", interval=5, work=refresh_tokens.wipe_successors),
                Loop(name="sealer", interval=ROUND_SECONDS, work=chain.seal),
                Loop(name="janitor", interval=3_600, work=janitor.clean),
            ]
        ),
        chain=chain,
        janitor=janitor,
        hashing=hashing,
        limits=limits,
        locator=locator,
        activity=activity,
        mailbox=mailbox,
        redis=shared.redis,
    )
