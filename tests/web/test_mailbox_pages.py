import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette

from authgql.mail.mailbox import DevelopmentMailbox
from authgql.web.mailbox.pages import routes

UNKNOWN = "01a2094c-fde5-77f5-acbf-4e73a008931c"
LINK = "http://localhost:8000/account/verify-email#token=abc"


@pytest.fixture
def mailbox(tmp_path: Path) -> DevelopmentMailbox:
    return DevelopmentMailbox(directory=tmp_path)


@pytest.fixture
async def client(mailbox: DevelopmentMailbox) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=Starlette(routes=routes(mailbox)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
        yield client


def mail(**headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in headers.items():
        message[name] = value
    return message


def usual(subject: str = "Confirm") -> EmailMessage:
    message = mail(From="authgql@localhost", To="ada@example.com", Subject=subject)
    message["Date"] = datetime(2026, 11, 3, 6, 41, 7, tzinfo=UTC)
    message.set_content(f"Open this: {LINK}\n")
    message.add_alternative(f'<p>Open <a href="{LINK}" target="_blank">this</a></p>', subtype="html")
    return message


async def opened(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox, message: EmailMessage
) -> tuple[str, httpx2.Response]:
    await mailbox.deliver(message)
    newest = (await mailbox.list())[0]
    return newest.id, await client.get(f"/dev/mailbox/{newest.id}")


def policy(response: httpx2.Response) -> dict[str, str]:
    directives = response.headers["content-security-policy"].split("; ")
    return {name: values for name, _, values in (directive.partition(" ") for directive in directives)}


async def test_an_empty_mailbox_says_how_to_get_a_mail(client: httpx2.AsyncClient) -> None:
    page = await client.get("/dev/mailbox")
    assert page.status_code == 200
    assert "0 mails" in page.text
    assert "No mail yet" in page.text


async def test_the_list_leads_to_every_mail_newest_first(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    await mailbox.deliver(usual("First"))
    assert "1 mail<" in (await client.get("/dev/mailbox")).text
    await mailbox.deliver(usual("Second"))
    page = (await client.get("/dev/mailbox")).text
    assert "2 mails" in page
    assert page.index("Second") < page.index("First")
    assert re.findall(r'href="mailbox/([^"]{36})"', page) == [line.id for line in await mailbox.list()]
    assert '<time datetime="2026-11-03T06:41:07+00:00">3 Nov 2026, 06:41:07 UTC</time>' in page


async def test_a_mail_is_shown_as_its_reader_sees_it(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    mail_id, page = await opened(client, mailbox, usual())
    assert page.status_code == 200
    for words in ("authgql@localhost", "ada@example.com", "<h1>Confirm</h1>", "3 Nov 2026, 06:41:07 UTC"):
        assert words in page.text
    assert f'<a href="{LINK}" rel="noopener noreferrer" target="_blank">' in page.text
    assert f'src="{mail_id}/html"' in page.text
    assert "Content-Type: multipart/alternative" in page.text


async def test_a_mails_html_is_answered_as_it_was_written(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    mail_id, _ = await opened(client, mailbox, usual())
    part = await client.get(f"/dev/mailbox/{mail_id}/html")
    assert part.headers["content-type"] == "text/html; charset=utf-8"
    assert part.text == f'<p>Open <a href="{LINK}" target="_blank">this</a></p>\n'


async def test_a_mails_html_runs_nothing_loads_nothing_and_has_no_origin(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    mail_id, page = await opened(client, mailbox, usual())
    directives = policy(await client.get(f"/dev/mailbox/{mail_id}/html"))
    allowed = "allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
    assert directives == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "sandbox": allowed,
    }
    assert f'sandbox="{allowed}"' in page.text


async def test_nothing_in_a_mails_headers_or_text_is_markup(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    bold = '<b onclick="x">\'{{7*7}}'
    message = mail(Subject=bold, To='"<b>" <ada@example.com>', From='"<b>" <eve@example.com>')
    message.set_content(bold)
    _, page = await opened(client, mailbox, message)
    for text in (page.text, (await client.get("/dev/mailbox")).text):
        assert "<b" not in text.replace("<body>", "")
        assert "&lt;b onclick=&#34;x&#34;&gt;&#39;{{7*7}}" in text


async def test_a_mail_without_html_has_no_frame(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    message = mail(Subject="Plain")
    message.set_content("Words\n")
    mail_id, page = await opened(client, mailbox, message)
    assert "<iframe" not in page.text
    assert "Words" in page.text
    assert (await client.get(f"/dev/mailbox/{mail_id}/html")).status_code == 404


async def test_a_mail_without_plain_text_has_no_text_part(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    message = mail(Subject="Rich")
    message.set_content("<p>Words</p>", subtype="html")
    _, page = await opened(client, mailbox, message)
    assert "<iframe" in page.text
    assert "Plain text" not in page.text


async def test_a_mail_without_headers_can_still_be_opened(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox
) -> None:
    _, page = await opened(client, mailbox, EmailMessage())
    assert page.status_code == 200
    assert "(no subject)" in page.text
    list_page = (await client.get("/dev/mailbox")).text
    assert "(no subject)" in list_page
    assert "<time >no date</time>" in list_page


@pytest.mark.parametrize("path", [UNKNOWN, "nonsense", "..%2f..%2fetc%2fpasswd", "%00"])
async def test_an_unknown_mail_is_a_404(client: httpx2.AsyncClient, path: str) -> None:
    assert (await client.get(f"/dev/mailbox/{path}")).status_code == 404
    assert (await client.get(f"/dev/mailbox/{path}/html")).status_code == 404


async def test_an_unknown_mails_page_leads_back_to_the_list(client: httpx2.AsyncClient) -> None:
    page = await client.get(f"/dev/mailbox/{UNKNOWN}")
    assert '<a href="../mailbox">Back to the list</a>' in page.text


@pytest.mark.parametrize("path", ["/dev/mailbox", f"/dev/mailbox/{UNKNOWN}"])
async def test_a_mailbox_page_can_be_neither_framed_nor_kept_nor_scripted(
    client: httpx2.AsyncClient, path: str
) -> None:
    page = await client.get(path)
    directives = policy(page)
    assert directives["default-src"] == directives["frame-ancestors"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["frame-src"] == "'self'"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r"<script>|<style|\bon\w+=| style=", page.text)


@pytest.mark.parametrize(("name", "kind"), [("mailbox.css", "text/css"), ("mailbox.js", "text/javascript")])
async def test_the_pages_files_are_served(client: httpx2.AsyncClient, name: str, kind: str) -> None:
    answer = await client.get(f"/dev/mailbox/{name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_the_mailbox_can_only_be_read(
    client: httpx2.AsyncClient, mailbox: DevelopmentMailbox, method: str
) -> None:
    mail_id, _ = await opened(client, mailbox, usual())
    for path in ("/dev/mailbox", f"/dev/mailbox/{mail_id}", f"/dev/mailbox/{mail_id}/html"):
        assert (await client.request(method, path)).status_code == 405
