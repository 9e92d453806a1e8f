"""A client's address is its peer's; what a header says counts only if a trusted proxy wrote it."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.requests import HTTPConnection

from authgql.audit.events import Origin

NOBODY: Final = "0.0.0.0"  # noqa: S104 -- what stands for a peer without an address (a Unix socket)
MAX_USER_AGENT: Final = 512

Networks = Sequence[IPv4Network | IPv6Network]


def origin_of(connection: HTTPConnection, trusted: Networks) -> Origin:
    """Tell where a request came from."""
    agent = connection.headers.get("user-agent", "").replace("\0", "")
    return Origin(ip_address=client_address(connection, trusted), user_agent=agent[:MAX_USER_AGENT])


def client_address(connection: HTTPConnection, trusted: Networks) -> str:
    """Return the right-most address that no trusted proxy has; the peer's if anything is unreadable."""
    if connection.client is None:
        return NOBODY
    peer, is_trusted = _peer(connection.client.host, tuple(trusted))
    if not is_trusted:
        return peer
    hops = [_read(hop) for hop in _hops(connection)]
    if None in hops:
        return peer
    for hop in reversed(hops):
        if hop is not None and not _within(hop, trusted):
            return str(hop)
    return str(hops[0] or peer) if hops else peer


@lru_cache(maxsize=1024)
def _peer(host: str, trusted: Networks) -> tuple[str, bool]:
    """Read the address of a connection, which has it for all its requests, and tell whether it is trusted."""
    peer = _read(host)
    return (NOBODY, False) if peer is None else (str(peer), _within(peer, trusted))


def _hops(connection: HTTPConnection) -> list[str]:
    forwarded_for = connection.headers.getlist("x-forwarded-for")
    if forwarded_for:
        return ",".join(forwarded_for).split(",")
    forwarded = ",".join(connection.headers.getlist("forwarded"))
    return [_for(element) for element in forwarded.split(",")] if forwarded else []


def _for(element: str) -> str:
    """Return the `for` of one element of a Forwarded header (RFC 7239)."""
    pairs = (pair.strip().partition("=") for pair in element.split(";"))
    values = [value.strip('"') for name, _, value in pairs if name.lower() == "for"]
    return values[0] if len(values) == 1 else ""


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address, with or without port and brackets; IPv4 in IPv6's clothes is IPv4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address


def _within(address: IPv4Address | IPv6Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)
