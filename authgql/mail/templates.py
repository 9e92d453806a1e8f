"""Every mail comes from a fixed template, as text and HTML, and what users typed is only words in it."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template, select_autoescape

NAMES: Final = (
    "verify_email",
    "verify_new_email",
    "reset_password",
    "email_change_requested",
    "email_changed",
    "username_changed",
    "password_changed",
    "sessions_ended",
    "new_device",
    "after_failures",
    "password_disabled",
    "token_reused",
    "account_deleted",
)

WORD_JOINER: Final = "\u2060"


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """One mail's words: a subject of one line, and the same message in plain text and in HTML."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, kw_only=True)
class _Mail:
    subject: str
    text: Template
    html: Template


class Templates:
    """All mails that this server can write, read from the package.

    `site` names the sender in the mail's head and foot, best the host of the public URL.
    """

    def __init__(self, *, site: str = "") -> None:
        self._site = site

    def render(self, template: str, context: Mapping[str, str]) -> Rendered:
        """Write the mail `template`, one of `NAMES`, with the values that it names.

        Raises KeyError for another template and jinja2.UndefinedError for a value that is missing.
        """
        if template not in NAMES:
            raise KeyError(template)
        mail = _mail(template)
        values = {"site": self._site, **{name: _one_line(value) for name, value in context.items()}}
        return Rendered(
            subject=mail.subject,
            text=mail.text.render(values).strip() + "\n",
            html=mail.html.render(values | {"subject": mail.subject}).strip() + "\n",
        )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("authgql.mail", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inert"] = _inert
    return environment


@cache
def _mail(name: str) -> _Mail:
    """Compile a mail when the first of its kind is written: all of them at the start would hold that up."""
    text, html = (_environment().get_template(f"{name}.{kind}") for kind in ("txt", "html"))
    # Rendered here, where no user's data is at hand.
    subject = "".join(text.blocks["subject"](text.new_context()))
    return _Mail(subject=_one_line(subject).strip(), text=text, html=html)


def _one_line(value: str) -> str:
    # A line break would let a name or a device forge paragraphs, a bidi override turn their meaning round.
    return "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in value)


def _inert(value: str) -> str:
    # Mail programs turn "www.example.com" into a link, and a stranger may choose that as the user name
    # of an account registered with somebody else's address.
    return value.replace(".", f".{WORD_JOINER}")
