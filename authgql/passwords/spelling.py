"""A password is one and the same, however its accents were typed."""

import unicodedata


def spelt(password: str) -> str:
    """Return the form in which a password is measured and hashed (NIST SP 800-63B-4 section 3.1.1.2)."""
    return unicodedata.normalize("NFC", password)
