"""The glossary: every security event that this server can write, and what it tells the account's owner."""

from dataclasses import dataclass
from enum import Enum


class Event(Enum):
    """A kind of event: its name in the trail, and a sentence without names, addresses or secrets."""

    def __init__(self, kind: str, sentence: str) -> None:
        self.kind = kind
        self.sentence = sentence

    ACCOUNT_REGISTERED = "account.registered", "The account was created."
    ACCOUNT_UPDATED = "account.updated", "The profile was changed."
    ACCOUNT_DELETED = "account.deleted", "The account was deleted."
    ACCOUNT_LOCKED = "account.locked", "An administrator locked the account."
    ACCOUNT_UNLOCKED = "account.unlocked", "An administrator unlocked the account."
    ACCOUNT_PROMOTED = "account.promoted", "The account was made an administrator."
    REGISTRATION_REFUSED = "registration.refused", "Somebody tried to register: {reason}."

    LOGIN_REFUSED = "login.refused", "Somebody tried to sign in: {reason}."
    SESSION_STARTED = "session.started", "Signed in."
    SESSION_AFTER_FAILURES = (
        "session.after_failures",
        "Signed in after many attempts had failed; a mail was sent.",
    )
    SESSION_REFRESHED = "session.refreshed", "The session's tokens were renewed."
    SESSION_ENDED = "session.ended", "The session ended: {reason}."
    SESSION_ENDED_AS_ADMIN = "session.ended_as_admin", "As an administrator, ended somebody else's session."
    SESSION_REAUTHENTICATED = "session.reauthenticated", "The password was confirmed."
    TERMINATION_REFUSED = (
        "session.termination_refused",
        "A session was to be ended that is not the account's.",
    )
    DEVICE_NEW = "device.new", "Signed in on a device that was not known; a mail was sent."
    DEVICE_DISOWNED = (
        "device.disowned",
        "A sign-in was disowned through a mail; its device is a stranger again.",
    )
    DISAVOWAL_REFUSED = "session.disavowal_refused", "A link to disown a sign-in was refused: {reason}."
    REFRESH_REFUSED = "refresh.refused", "A refresh token was refused: {reason}."
    TOKEN_REUSED = "token.reused", "A spent refresh token was used again; its session was ended."

    PASSWORD_CHANGED = "password.changed", "The password was changed."
    PASSWORD_REFUSED = "password.refused", "The password was asked for and not given: {reason}."
    PASSWORD_DISABLED = "password.disabled", "After 100 wrong passwords in a row none is taken {reason}."
    PASSWORD_ENABLED = "password.enabled", "An administrator had passwords taken again."
    PASSWORD_RESET_REQUESTED = "password_reset.requested", "A password reset was asked for."
    PASSWORD_RESET = "password.reset", "The password was set anew through a link in a mail."
    PASSWORD_RESET_REFUSED = "password_reset.refused", "A password reset was refused: {reason}."

    EMAIL_CHANGE_REQUESTED = "email.change_requested", "Another e-mail address was asked for."
    EMAIL_VERIFICATION_SENT = "email.verification_sent", "A mail to confirm the address was sent."
    EMAIL_VERIFIED = "email.verified", "The e-mail address was confirmed."
    EMAIL_CHANGED = "email.changed", "The e-mail address was changed."
    EMAIL_VERIFICATION_REFUSED = (
        "email.verification_refused",
        "A link to confirm an address was refused: {reason}.",
    )

    PROFILE_REFUSED = "profile.refused", "A change of the profile was refused: {reason}."
    PROOF_REFUSED = "proof.refused", "A token was shown without the key that it is bound to."
    FORGERY_REFUSED = "forgery.refused", "Another site's page tried to act with the browser's cookies."
    SIGNING_KEY_ADDED = "signing_key.added", "A signing key was published."
    SIGNING_KEY_RETIRED = "signing_key.retired", "A signing key was retired; its tokens are refused."

    RATE_LIMITED = "limit.reached", "Too many attempts of one kind: {reason}."
    OVERLOADED = "limit.overloaded", "More passwords were to be checked at once than this server can."


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a request came from: the client's address and what its user agent says of itself."""

    ip_address: str
    user_agent: str
