"""When and why a session ended follows from its row and the time alone, recorded or not."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from authgql.sessions.models import Session


class SessionStatus(Enum):
    """Whether a session can still be used."""

    ACTIVE = "ACTIVE"
    ENDED = "ENDED"


class SessionEndReason(Enum):
    """Why a session ended: the name is stored, the value says it in a sentence."""

    LOGGED_OUT = "signed out"
    TERMINATED = "ended by the owner"
    TERMINATED_BY_ADMIN = "ended by an administrator"
    DISAVOWED = "disowned through a mail"
    PASSWORD_CHANGED = "the password was changed"  # noqa: S105
    PASSWORD_RESET = "the password was reset"  # noqa: S105
    TOKEN_REUSED = "a spent token was used again"  # noqa: S105
    IDLE = "not used for too long"
    EXPIRED = "its longest life was over"
    SESSION_LIMIT = "a newer session took its place"
    ACCOUNT_DELETED = "the account was deleted"
    ACCOUNT_LOCKED = "the account was locked"


@dataclass(frozen=True)
class Ending:
    """When a session ended, and why."""

    at: datetime
    reason: SessionEndReason


def ending(session: Session, now: datetime) -> Ending | None:
    """Return the session's end, or None while it is active.

    A timeout ends a session at the moment it falls, though nobody may have looked since.
    """
    if session.logged_out_at is not None:
        return Ending(session.logged_out_at, SessionEndReason[str(session.end_reason)])
    if session.expires_at <= now:
        return Ending(session.expires_at, timeout_reason(session))
    return None


def timeout_reason(session: Session) -> SessionEndReason:
    """Tell which timeout a session's `expires_at` is."""
    if session.expires_at >= session.absolute_expires_at:
        return SessionEndReason.EXPIRED
    return SessionEndReason.IDLE
