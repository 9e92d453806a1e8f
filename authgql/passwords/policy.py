"""A password is refused because it would be guessed, never because of the characters it lacks."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from zxcvbn_rs_py import zxcvbn

from authgql.passwords.errors import WeakPassword
from authgql.passwords.spelling import spelt

MAX_LENGTH: Final = 256  # code points; longer ones cost work and add nothing
SCORED_LENGTH: Final = 100  # zxcvbn's time grows with the square of the length
MIN_GUESSES: Final = 1_000_000  # thirty times what zxcvbn's list of common passwords holds
MIN_SCORED_WORD: Final = 4  # a shorter one stands by chance in passwords that are good
PADDING: Final = re.compile(r"[\W\d_]+")


class PasswordPolicy:
    """NIST SP 800-63B-4 section 3.1.1.2: length and guessability, no composition rules."""

    def __init__(self, *, min_length: int, context_words: Iterable[str]) -> None:
        self._min_length = min_length
        self._context_words = tuple(context_words)

    def check(self, password: str, *, personal: Sequence[str]) -> None:
        """Raise `WeakPassword` for a password that is too short, too long, common or close to home.

        `personal` are the account's own words: its username, address and names.
        """
        password = spelt(password)
        self._check_length(password)
        words = _words([*personal, *self._context_words])
        if PADDING.sub("", password).casefold() in words:
            raise WeakPassword(
                "This password is made from your own name or the name of this service.",
                ["Use a few words that do not belong together."],
            )
        self._check_strength(password, words)

    def _check_length(self, password: str) -> None:
        if "\0" in password:
            raise WeakPassword("Leave out the NUL character.")
        if len(password) < self._min_length:
            raise WeakPassword(
                f"Use at least {self._min_length} characters.",
                ["Use a few words that do not belong together."],
            )
        if len(password) > MAX_LENGTH:
            raise WeakPassword(f"Use at most {MAX_LENGTH} characters.")

    def _check_strength(self, password: str, words: Sequence[str]) -> None:
        scored = [word for word in words if len(word) >= MIN_SCORED_WORD]
        strength = zxcvbn(password[:SCORED_LENGTH], scored)
        if strength.guesses >= MIN_GUESSES:
            return
        warning = strength.feedback.warning if strength.feedback else None
        hints = strength.feedback.suggestions if strength.feedback else []
        raise WeakPassword(
            str(warning or "This password is too easy to guess."),
            [str(hint) for hint in hints] or ["Use a few words that do not belong together."],
        )


def _words(texts: Iterable[str]) -> list[str]:
    """Return each text and the words in it, folded; a name may be of one letter, as 李 is."""
    parts = [part for text in texts for part in (text, PADDING.sub("", text), *PADDING.split(text))]
    return sorted({part.casefold() for part in parts if part})
