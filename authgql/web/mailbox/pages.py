"""In development every mail can be read in the browser, and no mail can act on the page around it."""

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from authgql.mail.mailbox import DevelopmentMailbox
from authgql.web.account.assets import PAGE_HEADERS, PAGE_POLICY, Asset
from authgql.web.mailbox.reading import Line, Opened, html_part

# The mail's own HTML: no script, no origin, nothing loaded; its links may open a page outside of the frame.
MAIL_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)

MAIL_HEADERS: Final = {**PAGE_HEADERS, "Content-Security-Policy": MAIL_POLICY}
MAILBOX_HEADERS: Final = {**PAGE_HEADERS, "Content-Security-Policy": f"{PAGE_POLICY}; frame-src 'self'"}


def routes(mailbox: DevelopmentMailbox) -> list[BaseRoute]:
    """Return the mailbox's pages, all below `/dev/mailbox`; to be mounted in development alone.

    The pages share the style sheet of the account pages.
    """
    pages = MailboxPages(mailbox=mailbox)
    return [
        Route("/dev/mailbox", pages.show_list, name="mailbox"),
        *(
            Asset.read(__package__, name, path=f"/dev/mailbox/{name}").route()
            for name in ("mailbox.css", "mailbox.js")
        ),
        Route("/dev/mailbox/{mail_id}", pages.show_mail, name="mailbox-mail"),
        Route("/dev/mailbox/{mail_id}/html", pages.show_html, name="mailbox-html"),
    ]


class MailboxPages:
    """The list of mails, one mail, and one mail's HTML by itself; an unknown mail is a 404."""

    def __init__(self, *, mailbox: DevelopmentMailbox) -> None:
        self._mailbox = mailbox
        environment = Environment(
            loader=PackageLoader(__package__, "."),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._list = environment.get_template("list.html")
        self._mail = environment.get_template("mail.html")
        self._gone = environment.get_template("gone.html")

    async def show_list(self, _request: Request) -> Response:
        """Show a line for each mail, newest first."""
        lines = [Line.of(summary) for summary in await self._mailbox.list()]
        return HTMLResponse(self._list.render(lines=lines), headers=MAILBOX_HEADERS)

    async def show_mail(self, request: Request) -> Response:
        """Show one mail as its reader sees it, then its plain text and its source."""
        mail_id = request.path_params["mail_id"]
        message = await self._mailbox.get(mail_id)
        if message is None:
            return HTMLResponse(self._gone.render(), status_code=404, headers=MAILBOX_HEADERS)
        page = self._mail.render(id=mail_id, mail=Opened.of(message))
        return HTMLResponse(page, headers=MAILBOX_HEADERS)

    async def show_html(self, request: Request) -> Response:
        """Answer with the mail's HTML part, sandboxed, for the frame in the mail's page."""
        message = await self._mailbox.get(request.path_params["mail_id"])
        html = None if message is None else html_part(message)
        if html is None:
            raise HTTPException(404)
        return HTMLResponse(html, headers=MAIL_HEADERS)
