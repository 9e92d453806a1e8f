"""Two spellings of one username, or of one e-mail address, never belong to two accounts."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from email_validator import EmailNotValidError, validate_email

USERNAME: Final = re.compile(r"[A-Za-z0-9._-]{3,64}", re.ASCII)
MAX_NAME: Final = 100
MAX_EMAIL_KEY: Final = 320
ADVICE: Final = "Give an e-mail address such as ada@example.com."
ENCODED_WORD: Final = "=?"  # RFC 2047: a mail program would read another address than the one that is checked


class NotAcceptable(ValueError):  # noqa: N818 -- what the value is
    """The message says what an acceptable value looks like."""


@dataclass(frozen=True)
class Username:
    """A username as given, and what it is compared by."""

    given: str
    key: str

    @classmethod
    def of(cls, value: str) -> "Username":
        """Accept 3 to 64 ASCII letters, digits, `.`, `_`, `-`; raise `NotAcceptable`."""
        if not USERNAME.fullmatch(value):
            raise NotAcceptable("Use 3 to 64 letters, digits, dots, underscores or hyphens.")
        return cls(value, fold(value))


@dataclass(frozen=True)
class EmailAddress:
    """An e-mail address as given, and what it is compared by."""

    given: str
    key: str

    @classmethod
    def of(cls, value: str) -> "EmailAddress":
        """Accept what email-validator accepts, without looking it up; raise `NotAcceptable`."""
        if ENCODED_WORD in value:
            raise NotAcceptable(ADVICE)
        try:
            # The canonical form comes first: checking one spelling and mailing another sends secrets astray.
            key = fold(validate_email(value, check_deliverability=False).normalized)
        except (EmailNotValidError, UnicodeError):
            raise NotAcceptable(ADVICE) from None
        if len(key) > MAX_EMAIL_KEY:
            raise NotAcceptable("Give a shorter e-mail address.")
        return cls(value, key)


def username_key(value: str) -> str | None:
    """Return what a username is compared by, or None for what nobody can be called."""
    return fold(value) if USERNAME.fullmatch(value) else None


def personal_name(value: str) -> str | None:
    """Accept a first or last name of up to 100 printable characters; an empty one is none."""
    if not value.strip():
        return None
    if len(value) > MAX_NAME:
        raise NotAcceptable(f"Use at most {MAX_NAME} characters.")
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in value):
        raise NotAcceptable("Leave out control characters.")
    return value.strip()


def login_key(login: str) -> str:
    """Return what all spellings of one username or address have in common, be it anybody's or nobody's."""
    try:
        return EmailAddress.of(login).key
    except NotAcceptable:
        return fold(login)


def fold(value: str) -> str:
    """Return the form by which identifiers are compared: NFKC, case-folded, NFKC again."""
    folded = unicodedata.normalize("NFKC", value).casefold()
    return unicodedata.normalize("NFKC", folded)
