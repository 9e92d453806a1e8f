"""Where a request came from, told by its connection; headers count only from proxies that are trusted."""

from ipaddress import ip_network

import pytest
from conftest import MakeApp
from starlette.requests import HTTPConnection

from authgql.web.origin import MAX_USER_AGENT, client_address, origin_of

PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "192.0.2.7/32", "2001:db8:1::/48")))


def connection(peer: str | None, *headers: tuple[str, str]) -> HTTPConnection:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return HTTPConnection({"type": "http", "headers": raw, "client": (peer, 4711) if peer else None})


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
        (None, "0.0.0.0"),  # noqa: S104
        ("testclient", "0.0.0.0"),  # noqa: S104
    ],
)
def test_the_address_is_the_peers(peer: str | None, address: str) -> None:
    assert client_address(connection(peer), ()) == address


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "Via"])
def test_a_peer_that_is_not_trusted_says_nothing_about_itself(header: str) -> None:
    spoofed = connection("203.0.113.9", (header, "198.51.100.1"), (header, "for=198.51.100.1"))
    assert client_address(spoofed, ()) == "203.0.113.9"
    assert client_address(spoofed, PROXIES) == "203.0.113.9"


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1, 10.1.1.1, 192.0.2.7", "198.51.100.1"),
        ("198.51.100.1:1234", "198.51.100.1"),
        ("2001:db8::5", "2001:db8::5"),
        ("[2001:db8::5]", "2001:db8::5"),
        ("[2001:db8::5]:443", "2001:db8::5"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, ::ffff:10.1.1.1", "6.6.6.6"),
        ("6.6.6.6, 2001:db8:1::9", "6.6.6.6"),
        ("10.2.2.2, 10.1.1.1", "10.2.2.2"),  # nobody but proxies: the first of them is the client
        ("  198.51.100.1  ", "198.51.100.1"),
        # anything unreadable: the peer's
        ("", "10.0.0.1"),
        (",", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("_hidden", "10.0.0.1"),
        ("198.51.100.1, nonsense", "10.0.0.1"),
        ("nonsense, 198.51.100.1", "10.0.0.1"),
        ("198.51.100.1,", "10.0.0.1"),
        ("198.51.100.256", "10.0.0.1"),
        ("0x7f.1", "10.0.0.1"),
        ("[198.51.100.1", "198.51.100.1"),
        ("1" * 5_000, "10.0.0.1"),
    ],
)
def test_behind_a_proxy_it_is_the_right_most_address_that_is_no_proxys(
    forwarded_for: str, address: str
) -> None:
    assert client_address(connection("10.0.0.1", ("X-Forwarded-For", forwarded_for)), PROXIES) == address


def test_several_headers_are_one_list() -> None:
    several = connection("10.0.0.1", ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "198.51.100.1"))
    assert client_address(several, PROXIES) == "198.51.100.1"


def test_a_trusted_proxy_that_says_nothing_is_the_client() -> None:
    assert client_address(connection("10.0.0.1"), PROXIES) == "10.0.0.1"


def test_a_proxy_is_known_in_ipv6s_clothes_too() -> None:
    mapped = connection("::ffff:10.0.0.1", ("X-Forwarded-For", "198.51.100.1"))
    assert client_address(mapped, PROXIES) == "198.51.100.1"


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("for=198.51.100.1", "198.51.100.1"),
        ("For=198.51.100.1;proto=https;by=10.0.0.1", "198.51.100.1"),
        ('proto=https ; for="198.51.100.1:4711"', "198.51.100.1"),
        ('for="[2001:db8::5]:4711"', "2001:db8::5"),
        ("for=6.6.6.6, for=198.51.100.1, for=10.1.1.1", "198.51.100.1"),
        ("for=unknown", "10.0.0.1"),
        ("for=_SEVKISEK", "10.0.0.1"),
        ("proto=https", "10.0.0.1"),
        ("for=6.6.6.6;for=198.51.100.1", "10.0.0.1"),
        ("for", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_forwarded_counts_where_x_forwarded_for_is_absent(forwarded: str, address: str) -> None:
    assert client_address(connection("10.0.0.1", ("Forwarded", forwarded)), PROXIES) == address


def test_x_forwarded_for_goes_before_forwarded() -> None:
    both = connection("10.0.0.1", ("Forwarded", "for=6.6.6.6"), ("X-Forwarded-For", "198.51.100.1"))
    assert client_address(both, PROXIES) == "198.51.100.1"


def test_a_user_agent_is_kept_to_a_length_that_a_database_takes() -> None:
    long = connection("203.0.113.9", ("User-Agent", "a\0b" + "c" * 10_000))
    assert origin_of(long, ()).user_agent == "ab" + "c" * (MAX_USER_AGENT - 2)


async def test_a_session_has_the_address_that_a_trusted_proxy_tells(make_app: MakeApp) -> None:
    app = await make_app(trusted_proxies=("127.0.0.1/32",))
    ada = await app.signed_up()
    query = "{ currentSession { ipAddress } }"
    assert (await app.gql(query, token=ada.access)).only == {"ipAddress": "127.0.0.1"}
    app.client.headers["x-forwarded-for"] = "6.6.6.6, 198.51.100.1"
    grace = await app.signed_up("grace")
    assert (await app.gql(query, token=grace.access)).only == {"ipAddress": "198.51.100.1"}


async def test_a_session_has_the_peers_address_whatever_anybody_claims(make_app: MakeApp) -> None:
    app = await make_app()
    app.client.headers["x-forwarded-for"] = "6.6.6.6"
    app.client.headers["forwarded"] = "for=6.6.6.6"
    ada = await app.signed_up()
    query = "{ currentSession { ipAddress } }"
    assert (await app.gql(query, token=ada.access)).only == {"ipAddress": "127.0.0.1"}
